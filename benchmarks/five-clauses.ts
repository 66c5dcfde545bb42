import type { UserRecord } from '../src/filter/record.js';
import { isObject } from '../src/filter/values.js';

/**
 * The filter and the people that the in-memory benchmarks share: five clauses over four custom fields, a time column
 * and a list. `src` reads it as a filter; the other libraries' spellings of it are in `predicate.ts`.
 */
export const now = '2026-11-21T18:00:00.000Z';

export const filter = {
  and: [
    { '==': [{ var: 'custom:role' }, 'admin'] },
    { in: [{ var: 'custom:plan' }, ['pro', 'enterprise']] },
    { '>=': [{ var: 'custom:sessions' }, 20] },
    { '<': [{ var: 'signed_up_at' }, { ago: [30, 'days'] }] },
    {
      or: [{ has: [{ var: 'custom:tags' }, 'beta'] }, { '==': [{ var: 'custom:country' }, 'DE'] }],
    },
  ],
};

export interface Workload {
  /** `mixed`: about one in twenty matches. `all clauses run`: the first four hold, and the last arm decides. */
  readonly clauses: 'mixed' | 'all clauses run';
  /**
   * Key sets of `custom_fields`. `few`: two, as from one careful integration. `many`: keys come and go and in any order, so
   * that hardly two people are alike and the engine's caches of object shapes overflow.
   */
  readonly shapes: 'few' | 'many';
}

export const workloads: readonly Workload[] = [
  { clauses: 'mixed', shapes: 'few' },
  { clauses: 'all clauses run', shapes: 'few' },
  { clauses: 'mixed', shapes: 'many' },
  { clauses: 'all clauses run', shapes: 'many' },
];

export interface Person extends UserRecord {
  readonly user_id: string;
  readonly signed_up_at: Date;
  readonly custom_fields: Readonly<Record<string, unknown>>;
}

/**
 * People as a driver hands them over: `custom_fields` out of JSON text with keys missing, null and of another type, the
 * time column a Date.
 */
export function people({ clauses, shapes }: Workload, count = 1024, seed = 7): Person[] {
  const random = randomFrom(seed);
  const pick = <T>(items: readonly [T, ...T[]]): T => items[Math.floor(random() * items.length)] ?? items[0];
  const chance = (probability: number): boolean => random() < probability;
  const mess = [null, 7, true, false, '', 'Admin', 'PRO'] as const;
  const scatter = (entries: [string, unknown][], keep: readonly string[]): void => {
    const kept = entries.filter(([key]) => keep.includes(key) || !chance(0.1));
    for (let extra = Math.floor(random() * 8); extra > 0; extra -= 1) {
      kept.push([
        `trait_${Math.floor(random() * 30)}`,
        pick<unknown>(['x', 12, true, null, ['a'], { b: 1 }]),
      ]);
    }
    kept.sort(() => random() - 0.5);
    entries.splice(0, entries.length, ...kept);
  };
  return Array.from({ length: count }, (_, index) => {
    const passing = clauses === 'all clauses run';
    const entries: [string, unknown][] = [
      ['role', passing || chance(0.45) ? 'admin' : pick(['member', 'owner', 'viewer', ...mess])],
      ['plan', passing || chance(0.45) ? pick(['pro', 'enterprise']) : pick(['free', 'team', ...mess])],
      [
        'sessions',
        passing || chance(0.6) ? 20 + Math.floor(random() * 400) : pick([0, 3, 19, null, true, '']),
      ],
      [
        'tags',
        chance(passing ? 0.2 : 0.4) ? ['alpha', 'beta', 'gamma'].slice(Math.floor(random() * 2)) : ['gamma'],
      ],
      ['country', pick(passing ? ['FR', 'DE', 'US', 'NL', null] : ['DE', 'DE', 'FR', 'US', null])],
    ];
    if (shapes === 'many') scatter(entries, passing ? ['role', 'plan', 'sessions'] : []);
    else if (chance(0.3)) entries.push(['source', 'import']);
    const old = passing || chance(0.85);
    return {
      user_id: `user-${index}`,
      anonymous_id: null,
      name: `Person ${index}`,
      email: chance(0.9) ? `person${index}@example.com` : null,
      signed_up_at: new Date(Date.parse(now) - (old ? 31 + random() * 700 : random() * 29) * 86_400_000),
      created_at: new Date(Date.parse(now) - 86_400_000),
      last_seen: chance(0.5) ? new Date(Date.parse(now) - random() * 1e9) : null,
      custom_fields: parsed(JSON.stringify(Object.fromEntries(entries))),
      company: null,
    };
  });
}

function parsed(json: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(json);
  return isObject(value) ? value : {};
}

/** Mulberry32: seeded, so that every run measures the same people. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
