export { backfillUser, backfillUsers } from './backfill.js';
export type { Backfilled, BackfillResult, BackfillUser, BackfillUsers } from './backfill.js';
export { checkTraits } from './check.js';
export type { CheckedTraits, CheckOptions } from './check.js';
export { identifyCompany } from './company.js';
export type { IdentifiedCompany, IdentifyCompany } from './company.js';
export { deleteContextEntry, listContextEntries, setContextEntry } from './context.js';
export type { ContextEntry } from './context.js';
export { csvCell, csvLine } from './csv.js';
export type { Database } from './database.js';
export { eraseUser } from './erase.js';
export type { EraseUser } from './erase.js';
export { exportUser } from './export.js';
export { identify } from './identify.js';
export type { Identified, Identify } from './identify.js';
export { companyView, customerFor, daysSinceSignup, profileText, userView } from './profile.js';
export type { CompanyView, ContextEntryView, UserView } from './profile.js';
export { getUser, readUserRecord } from './read.js';
export type { WhichUser } from './read.js';
export type { CompanyRow, EndUser } from './row.js';
export { importUsers } from './import.js';
export type { Imported, FileFormat, ImportPhase, ImportUsers, Reject } from './import.js';
export { importEvents } from './import-events.js';
export type { ImportedEvents, ImportEvents } from './import-events.js';
export { sampleUsersCsv } from './sample.js';
export { ensureEventMonths } from './months.js';
export { eventLimits, track } from './track.js';
export { identifyVisitor } from './visitor.js';
export type { IdentifyVisitor } from './visitor.js';
export type { Track, Tracked } from './track.js';
export {
  isSuppressed,
  listSuppressed,
  listUnsubscribed,
  resubscribe,
  suppress,
  unsubscribe,
  unsuppress,
} from './suppression.js';
export type { ListOptions, Page, Suppress, SuppressionEntry, UnsubscribeEntry, Whom } from './suppression.js';
