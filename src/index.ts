/**
 * Muster as a library: audience filters that are parsed once and read as SQL, as a predicate, as an explanation and
 * as English. Everything down to the line "On a database" runs without any server.
 *
 * @module muster
 */

export { parseFilter, parseFilterText } from './filter/parse.js';
export { equalFilters, printFilter } from './filter/print.js';
export type { JsonFilter } from './filter/print.js';
export { compileSql } from './filter/sql.js';
export type { CompiledSql, Index, IndexHint, SqlOptions } from './filter/sql.js';
export { compilePredicate } from './filter/predicate.js';
export type { Predicate } from './filter/predicate.js';
export { compileExplanation, explain } from './filter/explain.js';
export type { ClauseExplanation, Explanation, JsonValue, Reason, VerdictTree } from './filter/explain.js';
export { sentence, sentenceOf } from './filter/sentence.js';
export { lintFilter } from './filter/lint.js';
export type { Finding } from './filter/lint.js';
export { leavesOf } from './filter/tree.js';
export type { Filter, FilterKind, Leaf, Literal } from './filter/tree.js';
export { fieldNamed, knownFieldNames, nameOf } from './filter/fields.js';
export type { Field } from './filter/fields.js';
export type { CompanyRecord, EventRecord, PageRecord, UserRecord } from './filter/record.js';
export { instantOf, momentOf } from './filter/time.js';
export type { Moment, Time } from './filter/time.js';
export { limits } from './filter/limits.js';

export { MusterError } from './errors/index.js';
export type { ErrorCode, Problem } from './errors/index.js';

export { loadPresets, presetNamed } from './audience/presets.js';
export type { Preset } from './audience/presets.js';
export { exampleRules, loadRule } from './audience/rules/examples.js';
export { parseRule } from './audience/rules/parse.js';
export { evaluateRule } from './audience/rules/evaluate.js';
export type { RuleEvaluation } from './audience/rules/evaluate.js';
export type { Decision, Outcome, Rule } from './audience/rules/model.js';
export { pageOf } from './audience/rules/page.js';
export { targetingOf } from './audience/rules/targeting.js';
export type { Target, Targeting, TargetingReason, Viewer } from './audience/rules/targeting.js';
export { customerFor, daysSinceSignup } from './traits/profile.js';
export { loadSeries } from './automation/series/file.js';
export { parseSeries } from './automation/series/parse.js';
export type { SeriesDefinition } from './automation/series/model.js';
export { simulate } from './automation/simulate.js';
export type {
  CalendarDay,
  Fate,
  SimulatedMove,
  SimulateOptions,
  SimulationReport,
  StepFunnel,
} from './automation/simulate.js';

// On a database. With a pool, everything runs under row-level security of the workspace named; a client that is inside a
// transaction of the caller's keeps the role that the caller gave it.
export { openPool } from './database/pool.js';
export type { Pool, PoolOptions } from './database/pool.js';
export { migrate } from './database/migrate.js';
export { identify } from './traits/identify.js';
export type { Identified, Identify } from './traits/identify.js';
export { identifyVisitor } from './traits/visitor.js';
export type { IdentifyVisitor } from './traits/visitor.js';
export { identifyCompany } from './traits/company.js';
export type { IdentifiedCompany, IdentifyCompany } from './traits/company.js';
export { backfillUser, backfillUsers } from './traits/backfill.js';
export type { Backfilled, BackfillResult, BackfillUser, BackfillUsers } from './traits/backfill.js';
export { eraseUser } from './traits/erase.js';
export type { EraseUser } from './traits/erase.js';
export { exportUser } from './traits/export.js';
export { deleteContextEntry, listContextEntries, setContextEntry } from './traits/context.js';
export type { ContextEntry, SetContextEntry } from './traits/context.js';
export {
  isSuppressed,
  listSuppressed,
  listUnsubscribed,
  resubscribe,
  suppress,
  unsubscribe,
  unsuppress,
} from './traits/suppression.js';
export type { Suppress, SuppressionEntry, UnsubscribeEntry, Whom } from './traits/suppression.js';
export { track } from './traits/track.js';
export type { Track, Tracked } from './traits/track.js';
export { importUsers } from './traits/import.js';
export type { Imported, ImportUsers } from './traits/import.js';
export { getUser, readUserRecord } from './traits/read.js';
export type { EndUser } from './traits/row.js';
export { preview } from './audience/preview.js';
export type { ClauseCount, Preview, PreviewOptions } from './audience/preview.js';
export { reportAudience } from './audience/report.js';
export type { AudienceReport, ReportOptions } from './audience/report.js';
export type { FunnelClause } from './filter/funnel.js';
export { explainUser } from './audience/explain.js';
export type { ExplainUserOptions } from './audience/explain.js';
export { evaluateRuleForUser } from './audience/rules/person.js';
export { deleteRule, getRule, listRules, saveRule } from './audience/rules/store.js';
export type { WorkspaceRule } from './audience/rules/store.js';
export { reportSeries } from './automation/series/report.js';
export type { ReportSeries, SeriesReport } from './automation/series/report.js';
export { explainSeries } from './automation/series/decision.js';
export type { ExplainSeries, SeriesExplanation } from './automation/series/decision.js';
export { loadTraitCatalogue } from './traits/catalogue/load.js';
export { rebuildTraits } from './traits/catalogue/rebuild.js';
export { foldTraits } from './traits/catalogue/fold.js';
export type { CataloguedTrait, CommonValue, TypeCount } from './traits/catalogue/types.js';
