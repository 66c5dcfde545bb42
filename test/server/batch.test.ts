import * as fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { refuse } from '../../src/errors/index.js';
import { MusterError } from '../../src/errors/index.js';
import { applyMessage } from '../../src/server/segment/apply.js';
import { applyBatch, taskOf } from '../../src/server/segment/batch.js';
import { readMessage } from '../../src/server/segment/message.js';
import { operationOf } from '../../src/server/segment/operation.js';
import type { Operation } from '../../src/server/segment/operation.js';
import { planWaves } from '../../src/server/segment/plan.js';
import type { Wave } from '../../src/server/segment/plan.js';
import type { IdentityGuard } from '../../src/server/identity/guard.js';
import { foldTraits } from '../../src/traits/catalogue/fold.js';
import type { Refusal } from '../../src/traits/refusals.js';
import { testDatabase } from '../support/database.js';

// Hundreds of calls one by one take long on a machine that is busy.
let pool: Pool;
beforeAll(async () => {
  ({ pool } = await testDatabase());
});

/** Nobody is refused but a user called `forbidden` and a company called `g9`. */
const guard: IdentityGuard = {
  user: async (_, userId) => {
    if (userId === 'forbidden') refuse('identity_unsigned');
  },
  company: async (_, companyId) => {
    if (companyId === 'g9') refuse('identity_company_unsigned');
  },
  mayRead: async () => true,
};

const names = { zone: 'timezone', language: 'locale' };
const access = { personTraits: async () => names };

/** Before this no call of a test was made; whatever is later was taken from a clock. */
const begun = Date.now();
const at = begun - 86_400_000;
const received = { at, batch: { sentAt: undefined, context: { library: 'test' } } };

const callerIn = (workspaceId: string) => ({ workspaceId, kind: 'write' }) as const;

/** How many items were accepted, and how many refusals there are of each kind. */
type Outcome = Readonly<Record<string, number>>;

function counted(accepted: number, refusals: readonly Pick<Refusal, 'code' | 'whole'>[]): Outcome {
  const counts: Record<string, number> = { accepted };
  for (const { code, whole } of refusals) {
    const kind = whole ? code : `part ${code}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** What a batch means: its items in their order, each by itself. */
async function oneByOne(workspaceId: string, items: readonly unknown[]): Promise<Outcome> {
  const refusals: Pick<Refusal, 'code' | 'whole'>[] = [];
  let accepted = 0;
  for (const each of items) {
    try {
      const message = readMessage(each, received);
      const refused = await applyMessage({ pool, guard, access }, callerIn(workspaceId), message);
      accepted += 1;
      refusals.push(...refused.map(({ code }) => ({ code, whole: false })));
    } catch (error) {
      if (!(error instanceof MusterError) || error.status >= 500) throw error;
      refusals.push(...error.problems.map(({ code }) => ({ code, whole: true })));
    }
  }
  return counted(accepted, refusals);
}

async function together(workspaceId: string, items: readonly unknown[]): Promise<Outcome> {
  const { accepted, refusals } = await applyBatch(
    { pool, guard, access },
    callerIn(workspaceId),
    items,
    received,
  );
  return counted(accepted, refusals);
}

/** The rows of a statement, each as JSON, with `now` for what a clock said. */
async function rows(text: string, values: readonly unknown[]): Promise<unknown[]> {
  const found = await pool.query<{ row: unknown }>(text, [...values]);
  return found.rows.map(({ row }) => withoutClock(row));
}

const person = `coalesce(u.user_id, '-') || ' ' || coalesce(u.anonymous_id, '-')`;
const outbox = `
  SELECT jsonb_build_object('by', ${person}, 'kind', o.kind, 'user_id', o.user_id, 'payload', o.payload - 'event_id',
    'properties', e.properties, 'message', e.message_id, 'of', e.end_user_id = o.end_user_id) AS row
  FROM outbox AS o
  LEFT JOIN end_users AS u ON u.workspace_id = o.workspace_id AND u.id = o.end_user_id
  LEFT JOIN events AS e ON e.workspace_id = o.workspace_id AND e.id = (o.payload ->> 'event_id')::uuid
  WHERE o.workspace_id = $1`;

/**
 * The facts of the last batch, of each person in their order. Between people there is none, also where a later batch finds
 * that two of them are one.
 */
async function newFacts(workspaceId: string, known: number): Promise<unknown[]> {
  return rows(
    `${outbox} AND o.id IN (SELECT n.id FROM outbox AS n WHERE n.workspace_id = $1 ORDER BY n.id OFFSET $2)
     ORDER BY ${person}, o.id`,
    [workspaceId, known],
  );
}

/** Everything that calls leave behind, with names in place of random ids. */
async function left(workspaceId: string): Promise<unknown> {
  await foldTraits(pool, workspaceId);
  const of = async (text: string): Promise<unknown[]> => rows(text, [workspaceId]);
  return {
    outbox: await of(`${outbox} ORDER BY 1`),
    people: await of(
      `SELECT to_jsonb(u) - ARRAY['id', 'workspace_id'] AS row FROM end_users AS u
       WHERE u.workspace_id = $1 ORDER BY u.user_id, u.anonymous_id`,
    ),
    companies: await of(
      `SELECT to_jsonb(c) - ARRAY['id', 'workspace_id'] AS row FROM companies AS c
       WHERE c.workspace_id = $1 ORDER BY c.company_id`,
    ),
    events: await of(
      `SELECT to_jsonb(e) - ARRAY['id', 'workspace_id', 'end_user_id'] || jsonb_build_object('by', ${person}) AS row
       FROM events AS e LEFT JOIN end_users AS u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
       WHERE e.workspace_id = $1
       ORDER BY ${person}, e.occurred_at, e.event, e.message_id, e.properties`,
    ),
    messages: await of(
      `SELECT to_jsonb(m) - 'workspace_id' AS row FROM event_messages AS m WHERE m.workspace_id = $1 ORDER BY m.message_id`,
    ),
    traits: await of(
      `SELECT jsonb_build_array(t.entity, t.key, t.type, t.count) AS row FROM trait_types AS t
       WHERE t.workspace_id = $1 ORDER BY t.entity, t.key, t.type`,
    ),
    catalogue: await of(
      `SELECT to_jsonb(t) - 'workspace_id' AS row FROM traits AS t WHERE t.workspace_id = $1 ORDER BY t.entity, t.key`,
    ),
  };
}

const times = new Set(['created_at', 'updated_at', 'first_seen', 'last_seen', 'received_at', 'occurred_at']);

function withoutClock(row: unknown): unknown {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return row;
  return Object.fromEntries(
    Object.entries(row).map(([key, value]: [string, unknown]) =>
      times.has(key) && typeof value === 'string' && Date.parse(value) >= begun ? [key, 'now'] : [key, value],
    ),
  );
}

const few = (prefix: string, count: number): fc.Arbitrary<string> =>
  fc.nat(count - 1).map((index) => `${prefix}${index}`);
const user = fc.oneof(
  { weight: 12, arbitrary: few('u', 5) },
  { weight: 1, arbitrary: fc.constant('forbidden') },
);
// A user's id as a visitor's is what an alias of a known user has.
const visitor = fc.oneof({ weight: 6, arbitrary: few('v', 4) }, { weight: 1, arbitrary: few('u', 5) });
const value = fc.oneof(
  fc.constantFrom<unknown>(null, 'a', 'b', 1, 2, true, ['a'], { x: 1 }),
  fc.constantFrom<unknown>(null, 'a'),
);
const traits = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ plan: 'pro' }) },
  {
    weight: 4,
    arbitrary: fc.record(
      {
        plan: value,
        seats: value,
        '/path~': value,
        constructor: value,
        name: fc.constantFrom('Nora', 'Ada', null),
        email: fc.constantFrom('a@example.com', null),
        signed_up_at: fc.constantFrom('2025-01-02', null),
        createdAt: fc.constantFrom<unknown>('2024-05-06', 1_714_953_600, 'some day'),
        firstName: fc.constantFrom('Nora', 'Ada'),
        lastName: fc.constantFrom('Lee', ''),
        timezone: fc.constantFrom('UTC', null),
        company: fc.constantFrom<unknown>(
          'Acme',
          { id: 'g0' },
          { id: 1, plan: 'pro' },
          { id: 'g9', plan: 'pro' },
        ),
        on_contract: fc.constantFrom(true, false, null),
      },
      { requiredKeys: [] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(undefined, 'none', { last_seen: 1, id: 'x' }, { on_contract: 'yes' }),
  },
);
// Few, so that calls of one batch say the same of a company, another thing, and nothing.
const said = fc.oneof(fc.constantFrom<unknown>(undefined, { plan: 'pro' }, { plan: 'team' }), traits);
const timestamp = fc.oneof(
  fc.constant(undefined),
  fc.nat(40).map((days) => new Date(at - days * 86_400_000).toISOString()),
);
const messageId = fc.oneof(fc.constant(undefined), few('m', 12));
const properties = fc.oneof(
  fc.nat(100).map((total) => ({ total })),
  fc.constantFrom<unknown>(undefined, []),
);
const userOnly = fc.record({ userId: user });
const visitorOnly = fc.record({ anonymousId: visitor });
const both = fc.record({ userId: user, anonymousId: visitor });

/** What of a call is about the device; few of them, so that people already have a zone. */
const context = fc.constantFrom<unknown>(
  undefined,
  { timezone: 'Europe/Berlin', locale: 'de-DE' },
  { timezone: 'Asia/Tokyo' },
  { locale: 'en' },
);

function call(type: string, who: fc.Arbitrary<object>, more: Record<string, fc.Arbitrary<unknown>>) {
  return fc
    .tuple(who, fc.record({ timestamp, messageId, ...more }))
    .map(([ids, rest]) => ({ type, ...ids, ...rest }));
}

const item = fc.oneof(
  { weight: 12, arbitrary: call('identify', userOnly, { traits, context }) },
  { weight: 3, arbitrary: call('identify', both, { traits, context }) },
  { weight: 1, arbitrary: call('identify', visitorOnly, { traits, context }) },
  { weight: 8, arbitrary: call('track', userOnly, { event: few('e', 3), properties }) },
  { weight: 3, arbitrary: call('track', visitorOnly, { event: few('e', 3), properties }) },
  { weight: 1, arbitrary: call('page', both, { name: few('p', 2), properties }) },
  { weight: 5, arbitrary: call('group', userOnly, { groupId: few('g', 3), traits: said, context }) },
  { weight: 1, arbitrary: call('group', both, { groupId: few('g', 3), traits: said }) },
  { weight: 1, arbitrary: call('group', fc.constant({}), { groupId: few('g', 3), traits: said }) },
  {
    weight: 2,
    arbitrary: call(
      'alias',
      user.map((userId) => ({ userId })),
      { previousId: visitor },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(null, { type: 'nonsense' }, { type: 'track', userId: 'u0' }),
  },
);

let runs = 0;

it('a batch leaves what its items leave one after another: people, companies, events, outbox and catalogue', async () => {
  const seen: Record<string, number> = {};
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(item, { maxLength: 30, size: 'max' }), { minLength: 1, maxLength: 3 }),
      async (batches) => {
        runs += 1;
        const [one, many] = [`one-${runs}`, `many-${runs}`];
        let known = 0;
        for (const items of batches) {
          const outcome = await together(many, items);
          expect(outcome).toEqual(await oneByOne(one, items));
          const facts = await newFacts(many, known);
          expect(facts).toEqual(await newFacts(one, known));
          known += facts.length;
          for (const [code, count] of Object.entries(outcome)) seen[code] = (seen[code] ?? 0) + count;
        }
        expect(await left(many)).toEqual(await left(one));
      },
    ),
    { seed: 20_260_301, numRuns: 30 },
  );
  // The law says nothing about what never came up.
  expect(Object.keys(seen).toSorted()).toEqual([
    'accepted',
    'identity_unsigned',
    'part identity_company_unsigned',
    'part properties_not_object',
    'part reserved_trait',
    'part trait_not_time',
    'part trait_type',
    'part traits_not_object',
    'segment_alias_known',
    'segment_bad_field',
    'segment_bad_type',
    'segment_no_id',
  ]);
});

const read = (sent: object): Operation =>
  operationOf({ ...callerIn('acme'), names }, readMessage(sent, received));
const waves = (items: readonly object[]): Wave[] =>
  planWaves(
    items.map((each) => taskOf(read(each))),
    new Map(),
  );

it('calls that do not touch each other are one wave, whatever their kinds and however they are mixed', () => {
  const mixed = Array.from({ length: 300 }, (_, each) => [
    { type: 'identify', userId: `a${each}`, traits: { each } },
    { type: 'track', userId: `b${each}`, event: 'e' },
    { type: 'group', userId: `c${each}`, groupId: `g${each % 7}`, traits: { plan: each % 7 } },
    { type: 'page', anonymousId: `d${each}` },
  ]).flat();
  const [wave, ...more] = waves(mixed);
  expect(more).toEqual([]);
  expect(wave?.identify).toHaveLength(600);
  expect(wave?.track.user_id).toHaveLength(300);
  expect(wave?.track.anonymous_id).toHaveLength(300);
});

const group = (userId: string, plan?: string): object => ({
  type: 'group',
  userId,
  groupId: 'g',
  ...(plan === undefined ? {} : { traits: { plan } }),
});

it('events of one person are one wave; a call that says otherwise of a person or company begins the next', () => {
  const tracks = Array.from({ length: 500 }, () => ({ type: 'track', userId: 'a', event: 'e' }));
  expect(waves(tracks)).toHaveLength(1);
  const identify = { type: 'identify', userId: 'a' };
  expect(waves([identify, ...tracks, identify, identify])).toHaveLength(4);
  expect(waves([group('a', 'pro'), group('b', 'pro'), group('c', 'team'), group('d', 'team')])).toHaveLength(
    2,
  );
  expect(waves([group('a', 'pro'), group('b'), group('c', 'team'), group('d')])).toHaveLength(2);
});
