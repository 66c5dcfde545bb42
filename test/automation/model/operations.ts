import * as fc from 'fast-check';
import { placeOf } from './database.js';
import type { Database, WorkRow } from './database.js';

/** Statements of the protocol as both sides can carry them out: rows go by their place, because ids are each side's own. */

const minute = 60_000;
/** Thresholds lie at half hours and time goes on by whole hours, so that the seconds a test takes decide nothing. */
export const times = {
  hour: 60 * minute,
  lease: 30 * minute,
  wait: 90 * minute,
  enqueuedFor: 30 * minute,
  horizon: 10 * minute,
};

export interface OnRow {
  readonly place: string;
  readonly token: string;
}

export type Operation =
  | { readonly kind: 'take due'; readonly limit: number; readonly after: string }
  | { readonly kind: 'claim'; readonly jobs: readonly (OnRow & { readonly epoch: number })[] }
  | (OnRow & { readonly kind: 'begin'; readonly webhook: boolean })
  | (OnRow & {
      readonly kind: 'finish';
      readonly pokes: number;
      readonly state: 'done' | 'failed';
      readonly delivery: 'delivered' | 'failed' | null;
      /** Milliseconds from now; null where the series is over for them. */
      readonly next: number | null;
      readonly listens: boolean;
    })
  | (OnRow & { readonly kind: 'defer'; readonly pokes: number; readonly listens: boolean })
  | (OnRow & { readonly kind: 'postpone' | 'park' | 'release' | 'renew' })
  /** What a claim leaves behind that read "paused" while the series was being resumed. */
  | { readonly kind: 'hold'; readonly place: string }
  | { readonly kind: 'sweep'; readonly parking: readonly string[] }
  | { readonly kind: 'check incarnation' | 'flush redis' | 'an hour passes' }
  | { readonly kind: 'series'; readonly workspace: string; readonly state: 'active' | 'paused' | 'archived' }
  | {
      readonly kind: 'unsubscribe' | 'remove' | 'poke';
      readonly workspace: string;
      readonly userId: string;
    };

const kinds = [
  'take due',
  'take due',
  'take due',
  'take due',
  'claim',
  'claim',
  'claim',
  'claim',
  'claim',
  'claim',
  'begin',
  'begin',
  'begin',
  'begin',
  'finish',
  'finish',
  'defer',
  'defer',
  'postpone',
  'park',
  'park',
  'release',
  'renew',
  'renew',
  'hold',
  'sweep',
  'sweep',
  'check incarnation',
  'flush redis',
  'an hour passes',
  'an hour passes',
  'pause',
  'resume',
  'resume',
  'resume',
  'archive',
  'unsubscribe',
  'remove',
  'poke',
  'poke',
  'poke',
  'poke',
  'poke',
] as const;

export interface Drawn {
  readonly kind: (typeof kinds)[number];
  /** Whether row, token, epoch and count fit what is there; else they are stale or another's. */
  readonly fits: boolean;
  readonly choice: number;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  kind: fc.constantFrom(...kinds),
  fits: fc.constantFrom(true, true, true, false),
  choice: fc.nat({ max: 11 }),
});

/** A row on its way to a channel, with something in between, and a sweep long after it. */
const episode = fc
  .record({ choice: fc.nat({ max: 11 }), first: drawn, second: drawn, third: drawn, isLost: fc.boolean() })
  .map(({ choice, first, second, third, isLost }): Drawn[] => {
    const fits = true;
    const begun: Drawn[] = [
      { kind: 'take due', fits, choice: 5 },
      { kind: 'claim', fits, choice: 3 },
      first,
      { kind: 'begin', fits, choice },
      second,
    ];
    if (!isLost) return [...begun, { kind: 'finish', fits, choice }, third];
    return [...begun, { kind: 'an hour passes', fits, choice }, third, { kind: 'sweep', fits, choice }];
  });

export const sequences: fc.Arbitrary<Drawn[]> = fc.noBias(
  fc
    .array(fc.oneof(episode, fc.tuple(drawn)), { minLength: 10, maxLength: 18, size: 'max' })
    .map((parts) => parts.flat()),
);

/** What was drawn, as something that can be done to what there is. */
export function resolve(db: Database, { kind, fits, choice }: Drawn, serial: number): Operation | null {
  const rows = [...db.work.values()];
  const fresh = `00000000-0000-4000-8000-${String(serial).padStart(12, '0')}`;
  const pick = (state: string): WorkRow | undefined => {
    const some = fits ? rows.filter((row) => row.state === state) : rows;
    return some[choice % Math.max(1, some.length)];
  };
  // Rather somebody for whom a worker is at work.
  const busy = db.people.get(db.enrollments.get(pick('claimed')?.enrollment ?? '')?.person ?? '');
  const person = busy ?? [...db.people.values()][choice % db.people.size];
  switch (kind) {
    case 'take due':
      return { kind, limit: 1 + (choice % 6), after: fits ? '' : 'a' };
    case 'claim': {
      const row = pick('enqueued');
      if (row === undefined) return null;
      const epoch = fits ? row.epoch : row.epoch + (choice % 3) - 1;
      const other = rows.find((each) => each.state === 'enqueued' && each.id !== row.id);
      const jobs = [{ place: placeOf(row), epoch, token: (choice < 2 ? row.token : null) ?? fresh }];
      // A batch of two, as workers ask.
      if (other !== undefined && choice > 8)
        jobs.push({ place: placeOf(other), epoch: other.epoch, token: fresh.replace('4000', '4001') });
      return { kind, jobs };
    }
    case 'begin':
    case 'finish':
    case 'defer':
    case 'postpone':
    case 'park':
    case 'release':
    case 'renew': {
      const row = pick('claimed');
      // Nobody comes back from there.
      if (row === undefined || (kind === 'park' && choice > 8)) return null;
      const held = { place: placeOf(row), token: (fits ? row.token : null) ?? fresh };
      const pokes = (db.enrollments.get(row.enrollment)?.pokes ?? 0) - (choice % 2);
      if (kind === 'begin') return { kind, ...held, webhook: choice % 4 === 0 };
      if (kind === 'defer') return { kind, ...held, pokes, listens: choice % 3 > 0 };
      if (kind !== 'finish') return { kind, ...held };
      const [delivery, state] = (
        [
          ['delivered', 'done'],
          ['delivered', 'done'],
          ['failed', 'failed'],
          [null, 'done'],
        ] as const
      )[choice % 4] ?? [null, 'done'];
      const next = choice === 11 ? null : choice % 3 === 0 ? 0 : times.wait;
      return { kind, ...held, pokes, state, delivery, next, listens: choice % 3 > 0 };
    }
    case 'hold': {
      const row = pick('pending');
      return row?.state === 'pending' ? { kind, place: placeOf(row) } : null;
    }
    case 'sweep':
      return { kind, parking: choice % 2 === 0 ? ['inbox'] : [] };
    case 'pause':
      return { kind: 'series', workspace: 'a', state: 'paused' };
    case 'resume':
      return { kind: 'series', workspace: 'a', state: 'active' };
    case 'archive':
      return choice === 0 ? { kind: 'series', workspace: 'b', state: 'archived' } : null;
    case 'unsubscribe':
    case 'remove':
    case 'poke':
      if (person === undefined || (kind !== 'poke' && choice > 3)) return null;
      return { kind, workspace: person.workspace, userId: person.userId };
    case 'check incarnation':
    case 'flush redis':
    case 'an hour passes':
      break;
  }
  return { kind };
}
