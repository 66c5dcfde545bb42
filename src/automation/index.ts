export { startAutomation } from './start.js';
export type { Automation, AutomationOptions } from './start.js';
export {
  DeliveryPostponed,
  DeliveryRefused,
  DeliveryUncertain,
  DeliveryUnreachable,
} from './channels/channel.js';
export type {
  Channel,
  DeliveryAbout,
  DeliveryContext,
  DeliveryTerms,
  OutgoingMessage,
} from './channels/channel.js';
export { emailChannel } from './channels/email.js';
export type { EmailOptions } from './channels/email.js';
export { mostFeedback, takeFeedback } from './channels/email/feedback.js';
export type { Feedback, FeedbackKind, FeedbackTaken } from './channels/email/feedback.js';
export { readFeedback } from './channels/email/feedback-shapes.js';
export { isSnsSubscription, snsConfirmer, snsSubscriptionOf } from './channels/email/sns.js';
export { getter } from './channels/webhook/get.js';
export type { Fetched, Get } from './channels/webhook/get.js';
export { installationEmail } from './channels/email/installation.js';
export {
  deleteEmailSettings,
  getEmailSettings,
  noSettings as noEmailSettings,
  publicUrlOf,
  saveEmailSettings,
  viewOf as emailView,
} from './channels/email/settings.js';
export type { EmailChange, EmailSettings, EmailView } from './channels/email/settings.js';
export { reachability, unreachableSql } from './channels/properties.js';
export type { Unreachable } from './channels/reach.js';
export { slackChannel } from './channels/slack.js';
export type { SlackOptions } from './channels/slack.js';
export { deleteSlackWebhook, listSlackWebhooks, saveSlackWebhook } from './channels/slack/webhooks.js';
export type { SlackWebhook } from './channels/slack/webhooks.js';
export { inboxChannel } from './channels/inbox.js';
export { logChannel } from './channels/log.js';
export { webhookChannel } from './channels/webhook.js';
export type { WebhookOptions } from './channels/webhook.js';
export {
  deleteEndpoint,
  enableEndpoint,
  getEndpoint,
  listEndpoints,
  rotateEndpointSecret,
  saveEndpoint,
} from './channels/endpoints.js';
export type { SaveEndpoint, SavedEndpoint, WebhookEndpoint } from './channels/endpoints.js';
export { networkRules } from './channels/webhook/networks.js';
export type { LogLine } from './channels/log.js';
export type { Logger } from './logger.js';
export type { Health } from './health.js';
export type { DeliveryResult, Finding, Observer } from './observer.js';
export { linkSecretReader } from './links/secret.js';
export type { LinkSecretReader } from './links/secret.js';
export type { UnsubscribeLink } from './links/token.js';
export { getPreferences, openUnsubscribeLink, setPreferences } from './preferences.js';
export type { OpenedLink, PreferenceChange, Preferences } from './preferences.js';
export { readQueue } from './reconcile/queue.js';
export type { QueuedSeries, QueueView } from './reconcile/queue.js';
export type { Invariants } from './reconcile/invariants.js';
export type { Breakdown } from './broadcasts/breakdown.js';
export { cancelBroadcast, deleteBroadcast, pauseBroadcast, resumeBroadcast } from './broadcasts/control.js';
export type { WhichRun } from './broadcasts/control.js';
export { explainBroadcast } from './broadcasts/explain.js';
export type { BroadcastExplanation, ExplainBroadcast } from './broadcasts/explain.js';
export { loadBroadcastDocument, parseBroadcastJson } from './broadcasts/file.js';
export { launchBroadcast } from './broadcasts/launch.js';
export type { LaunchBroadcast, Launched } from './broadcasts/launch.js';
export { verdicts } from './broadcasts/model.js';
export type { BroadcastDefinition, Verdict } from './broadcasts/model.js';
export { parseBroadcast } from './broadcasts/parse.js';
export { previewBroadcast } from './broadcasts/preview.js';
export type { PreviewBroadcast, PreviewOfBroadcast } from './broadcasts/preview.js';
export { listRecipients, recipientStates } from './broadcasts/recipients.js';
export type { ListRecipients, Recipient, RecipientState } from './broadcasts/recipients.js';
export { reportBroadcast } from './broadcasts/report.js';
export type { BroadcastReport, Progress } from './broadcasts/report.js';
export { reportBroadcastNow } from './broadcasts/report-audience.js';
export type { BroadcastReportNow, ReportBroadcastNow } from './broadcasts/report-audience.js';
export { testBroadcast } from './broadcasts/test-send.js';
export type { TestSend, TestSent } from './broadcasts/test-send.js';
export { getBroadcast, listBroadcasts, saveBroadcast } from './broadcasts/store.js';
export type { BroadcastStatus, SavedBroadcast } from './broadcasts/store.js';
export { listSchedules } from './schedules/list.js';
export { listSilentSeries } from './series/silence.js';
export type { Silence, SilentSeries } from './series/silence.js';
export type { ListedRun, ListedSchedule, ListedSkip, ListSchedules, RunPeople } from './schedules/list.js';
export { exampleSeries, loadSeries } from './series/file.js';
export { advance } from './series/advance.js';
export type { SeriesDefinition } from './series/model.js';
export type { Advance, Effect, Facts, Outcome, SeriesState } from './series/moves.js';
export { deleteSeries } from './series/delete.js';
export { diffSeries } from './series/diff.js';
export type { DiffSeries, Entering, SeriesDiff } from './series/diff.js';
export { listVersions } from './series/versions.js';
export type { SeriesVersion } from './series/versions.js';
export { moveToVersion } from './series/move-version.js';
export type { Moved } from './series/move-version.js';
export { parseSeries } from './series/parse.js';
export { enrollByHand, listEnrollments, removeFromSeries } from './series/people.js';
export type { EnrolledByHand, EnrollmentState, ListedEnrollment, ListEnrollments } from './series/people.js';
export { explainSeries } from './series/decision.js';
export type { Decided, DecidedNow, ExplainSeries, SeriesExplanation } from './series/decision.js';
export type { TriggerNow } from './series/trigger-now.js';
export { reportSeries } from './series/report.js';
export type { ReportSeries, SeriesReport, StepReport } from './series/report.js';
export { warningsAbout } from './series/warnings.js';
export { storyOf } from './series/story.js';
export type { Story, StoryEntry, StoryNext } from './series/story.js';
export {
  archiveSeries,
  getSeries,
  listSeries,
  pauseSeries,
  resumeSeries,
  saveSeries,
} from './series/store.js';
export type { SavedSeries, SeriesStatus } from './series/store.js';
export { listParked, mostResolved, resolveDeliveries, resolveDelivery } from './deliveries.js';
export type { ListParked, ParkedDelivery, Resolved, ResolvedMany, WhichParked } from './deliveries.js';
export type { ParkedRecipient } from './broadcasts/parked.js';
export { resolutions } from './work/parked.js';
export type { ParkedStep, Resolution } from './work/parked.js';
export { getSettings } from './settings/settings.js';
export type { SettingsView } from './settings/settings.js';
export { saveSettings } from './settings/save.js';
export { diffZone } from './settings/zone-diff.js';
export type { ZoneDiff } from './settings/zone-diff.js';
export type { SettingsChange } from './settings/check.js';
export { getWorkspaceCaps, setWorkspaceCaps } from './workspace-caps.js';
export type { WorkspaceCap } from './workspace-caps.js';
export { checkTemplate, parseTemplate, previewTemplate } from './template-check.js';
export type { CheckedTag, CheckTemplate, TemplateCheck, TemplatePreview } from './template-check.js';
export { renderTemplate, templateFields, templateProblems } from './templates.js';
