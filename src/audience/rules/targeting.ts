import type { PageRecord, UserRecord } from '../../filter/record.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import type { Moment } from '../../filter/time.js';
import { leavesWithin } from '../../filter/tree.js';
import type { Filter, Leaf } from '../../filter/tree.js';
import { compileRule } from './evaluate.js';
import { hidden } from './model.js';
import type { Outcome, Rule, ShownDecision } from './model.js';
import { progressOf } from './progress.js';
import type { Progress } from './progress.js';

/**
 * Why something shows or does not. `needs_identity`: its progress is a person's, and nobody is signed in. `needs_traits`: a condition reads
 * traits, and nothing is known of whoever looks. `needs_signature`: either of the two, and a person's id came without a valid signature. `not_targeted`: the rule says so. `undecided`: it asks about more
 * events than are read at once.
 */
export type TargetingReason =
  'shown' | 'needs_identity' | 'needs_traits' | 'needs_signature' | 'not_targeted' | 'undecided';

/** What a page is told of one rule: nothing that is known of the person but what the rule decided. */
export interface Target {
  readonly key: string;
  readonly shows: boolean;
  /** The outcome that shows, such as `short`; null where nothing does. */
  readonly variant: Outcome | null;
  readonly reason: TargetingReason;
  /** Of a checklist that shows. */
  readonly progress?: Progress;
}

/** Tooltips, banners, checklists and tours, each by key. */
export interface Targeting {
  readonly tooltips: readonly Target[];
  readonly banners: readonly Target[];
  readonly checklists: readonly Target[];
  readonly tours: readonly Target[];
}

/** Who looks at a page. */
export interface Viewer {
  /** All that is known of them; null when nothing is. */
  readonly record: UserRecord | null;
  /** Whether it is somebody signed in whom the workspace knows, and not a visitor. */
  readonly identified: boolean;
  /** Whether a person's id was given without a valid signature, so that nothing of them is read. */
  readonly unsigned?: boolean;
  /** Stands in for the record where there is none: slices of `percent` stay the same for a visitor. */
  readonly ids?: Pick<UserRecord, 'user_id' | 'anonymous_id'>;
  /** Whether the record lacks events that rules ask about, because there are too many. */
  readonly withoutEvents?: boolean;
}

/**
 * Decides what a page shows. Tooltips and banners need nobody to be known; checklists and tours are somebody's, and need an
 * identified person. Pure.
 */
export function targetingOf(
  rules: readonly Rule[],
  viewer: Viewer,
  page: PageRecord,
  moment: Moment,
): Targeting {
  const facts: UserRecord = { ...(viewer.record ?? viewer.ids), page };
  const of = (decision: ShownDecision): Target[] =>
    rules.filter(({ decides }) => decides === decision).map((rule) => targetOf(rule, viewer, facts, moment));
  return { tooltips: of('tooltip'), banners: of('banner'), checklists: of('checklist'), tours: of('tour') };
}

function targetOf(rule: Rule, viewer: Viewer, facts: UserRecord, moment: Moment): Target {
  const { key, decides } = rule;
  const not = (reason: TargetingReason): Target => ({ key, shows: false, variant: null, reason });
  const notKnown = (reason: TargetingReason): Target =>
    not(viewer.unsigned === true ? 'needs_signature' : reason);
  if ((decides === 'checklist' || decides === 'tour') && !viewer.identified)
    return notKnown('needs_identity');
  const { value, asked } = compileRule(rule, moment)(facts);
  const conditions = [...asked.map(({ condition }) => condition), ...rule.items.map(({ done }) => done)];
  if (viewer.withoutEvents === true && conditions.some((condition) => reads(condition, isDid)))
    return not('undecided');
  if (value === hidden) {
    const unknown = viewer.record === null && conditions.some((condition) => reads(condition, isOfPerson));
    return unknown ? notKnown('needs_traits') : not('not_targeted');
  }
  const progress = rule.items.length === 0 ? {} : { progress: progressOf(rule, facts, moment) };
  return { key, shows: true, variant: value, reason: 'shown', ...progress };
}

function reads(condition: Filter, what: (leaf: Leaf) => boolean): boolean {
  return leavesWithin(condition).some(what);
}

const isDid = (leaf: Leaf): boolean => leaf.kind === 'did';

/** Whether it asks about what only an identify or an event can have told. */
function isOfPerson(leaf: Leaf): boolean {
  const field = fieldOf(leaf);
  return field === null ? leaf.kind === 'did' : field.entity !== 'page';
}
