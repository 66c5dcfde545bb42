import type { CheckedCompany } from '../../traits/company.js';
import type { CheckedIdentify } from '../../traits/identify.js';
import { traitsText } from '../../traits/many.js';
import type { CheckedTrack } from '../../traits/track.js';
import type { Operation } from './operation.js';

/** One call of a batch. All but a `single` and a `visitor` are checked; only bounds can still refuse them. */
export type Task =
  | { readonly kind: 'identify'; readonly checked: CheckedIdentify }
  | { readonly kind: 'company'; readonly checked: CheckedCompany }
  | { readonly kind: 'track'; readonly checked: CheckedTrack }
  | {
      readonly kind: 'single';
      readonly operation: Extract<Operation, { readonly kind: 'identify' | 'alias' }>;
    }
  | { readonly kind: 'visitor'; readonly operation: Extract<Operation, { readonly kind: 'visitor' }> };

/** Calls none of which another one of the same wave could tell from having come first. Each list keeps their order. */
export interface Wave {
  readonly identify: CheckedIdentify[];
  readonly company: CheckedCompany[];
  readonly track: { readonly user_id: CheckedTrack[]; readonly anonymous_id: CheckedTrack[] };
  readonly single: Extract<Task, { kind: 'single' | 'visitor' }>['operation'][];
}

/**
 * Sorts calls into waves that leave, one wave after the other, what the calls would leave one after the other.
 *
 * A call comes into the first wave after everything before it that touches the same person or company. It comes into the
 * same wave where the statement for many does what the calls would do in turn: several events of a person who is named
 * by the same kind of id, several people of one company that all say the same of it.
 *
 * Ids that one call names, or that `linked` gives (user ids by the anonymous ids that stand for them), are one person's. Of
 * several events with one message id the first is taken.
 */
export function planWaves(tasks: readonly Task[], linked: ReadonlyMap<string, string>): Wave[] {
  const personOf = people(tasks, linked);
  const last = new Map<string, Claim>();
  const messageIds = new Set<string>();
  const waves: Wave[] = [];
  for (const task of tasks) {
    const messageId = task.kind === 'track' ? task.checked.record.messageId : null;
    if (messageId !== null) {
      if (messageIds.has(messageId)) continue;
      messageIds.add(messageId);
    }
    const touched = touchedBy(task, personOf);
    let wave = 0;
    for (const [key, share] of touched) {
      const earlier = last.get(key);
      if (earlier !== undefined)
        wave = Math.max(wave, earlier.wave + (goTogether(earlier.share, share) ? 0 : 1));
    }
    for (const [key, share] of touched) {
      const earlier = last.get(key);
      // Who says nothing of a company leaves it to others of the wave to say it.
      const said = earlier?.wave === wave && share === silent ? earlier.share : share;
      last.set(key, { wave, share: said });
    }
    put(task, (waves[wave] ??= newWave()));
  }
  return waves;
}

/** The latest wave that touches a person or company, and with what calls they can be shared there: null with none. */
interface Claim {
  readonly wave: number;
  readonly share: string | null;
}

const silent = '';

function goTogether(earlier: string | null, share: string | null): boolean {
  if (earlier === null || share === null) return false;
  return earlier === share || earlier === silent || share === silent;
}

function touchedBy(task: Task, personOf: (id: string) => string): [key: string, share: string | null][] {
  if (task.kind === 'company') return [[companyKey(task.checked.call.companyId), null]];
  const [id = ''] = idsOf(task);
  const person = personOf(id);
  if (task.kind === 'track') return [[person, task.checked.record.by]];
  if (task.kind === 'visitor') return [[person, null]];
  const { call } = task.kind === 'single' ? task.operation : task.checked;
  if (call.companyId === undefined) return [[person, null]];
  const company = task.kind === 'identify' ? task.checked.company : null;
  const says = company === null ? silent : traitsText(company.traits);
  return [
    [person, null],
    [companyKey(call.companyId), task.kind === 'single' ? null : says],
  ];
}

function put(task: Task, wave: Wave): void {
  if (task.kind === 'single' || task.kind === 'visitor') wave.single.push(task.operation);
  else if (task.kind === 'track') wave.track[task.checked.record.by].push(task.checked);
  else if (task.kind === 'company') wave.company.push(task.checked);
  else wave.identify.push(task.checked);
}

function newWave(): Wave {
  return { identify: [], company: [], track: { user_id: [], anonymous_id: [] }, single: [] };
}

const userKey = (id: string): string => `u${id}`;
const visitorKey = (id: string): string => `a${id}`;
const companyKey = (id: string): string => `c${id}`;

/** The ids of people that a call names. */
function idsOf(task: Task): string[] {
  if (task.kind === 'company') return [];
  if (task.kind === 'track') {
    const { by, id } = task.checked.record;
    return [by === 'user_id' ? userKey(id) : visitorKey(id)];
  }
  if (task.kind === 'visitor') return [visitorKey(task.operation.call.anonymousId)];
  const { call } = task.kind === 'single' ? task.operation : task.checked;
  const ids = [userKey(call.userId)];
  if (call.anonymousId !== undefined) ids.push(visitorKey(call.anonymousId));
  // An alias asks whether the visitor is a user.
  if (task.kind === 'single' && task.operation.kind === 'alias') ids.push(userKey(call.anonymousId ?? ''));
  return ids;
}

/** The anonymous ids that the calls name. */
export function visitorsOf(tasks: readonly Task[]): string[] {
  const visitors = new Set<string>();
  for (const task of tasks) {
    for (const id of idsOf(task)) if (id.startsWith('a')) visitors.add(id.slice(1));
  }
  return [...visitors];
}

/** Gives all ids of one person the same name. */
function people(tasks: readonly Task[], linked: ReadonlyMap<string, string>): (id: string) => string {
  const parent = new Map<string, string>();
  const root = (id: string): string => {
    let at = id;
    for (let up = parent.get(at); up !== undefined; up = parent.get(at)) {
      // Each look halves the way, so that a batch that links everybody costs no more than one that links nobody.
      const above = parent.get(up);
      if (above !== undefined) parent.set(at, above);
      at = up;
    }
    return at;
  };
  const join = (one: string, other: string): void => {
    const [from, to] = [root(other), root(one)];
    if (from !== to) parent.set(from, to);
  };
  for (const [anonymousId, userId] of linked) join(userKey(userId), visitorKey(anonymousId));
  for (const task of tasks) {
    const [first = '', ...others] = idsOf(task);
    for (const id of others) join(first, id);
  }
  return root;
}
