import { beforeAll, describe, expect, it } from 'vitest';
import { identify } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf, outboxOf, peopleOf, problemsOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

/** A fresh workspace for each test, so that none sees another's people. */
let made = 0;
const workspace = (): string => `w${(made += 1)}`;

/** Resolves once a statement of this database waits for another transaction. */
async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const { rowCount } = await db.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rowCount !== 0) return;
  }
}

describe('merging', () => {
  it('is additive: what a call does not name stays', async () => {
    const workspaceId = workspace();
    await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      traits: { name: 'Jane', role: 'viewer', plan: 'pro' },
    });
    const { user } = await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      traits: { role: 'admin', email: 'jane@example.com' },
    });
    expect(user).toMatchObject({
      name: 'Jane',
      email: 'jane@example.com',
      custom_fields: { role: 'admin', plan: 'pro' },
    });
  });

  it('takes a call without traits as a visit that changes none', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'jane', traits: { name: 'Jane', plan: 'pro' } });
    const { user, created } = await identify(db.pool, { workspaceId, userId: 'jane' });
    expect(created).toBe(false);
    expect(user).toMatchObject({ name: 'Jane', custom_fields: { plan: 'pro' } });
    expect(await outboxOf(db.pool, workspaceId)).toHaveLength(1);
  });

  it('removes the traits that are null, columns and custom fields alike, and no other', async () => {
    const workspaceId = workspace();
    const traits = {
      name: 'Jane',
      on_contract: true,
      signed_up_at: '2026-01-01',
      role: 'admin',
      plan: 'pro',
    };
    await identify(db.pool, { workspaceId, userId: 'jane', traits });
    const removal = { name: null, on_contract: null, signed_up_at: null, role: null, never_there: null };
    const { user } = await identify(db.pool, { workspaceId, userId: 'jane', traits: removal });
    expect(user).toMatchObject({ name: null, on_contract: null, signed_up_at: null });
    expect(user.custom_fields).toEqual({ plan: 'pro' });
  });

  it('replaces a nested value whole, and keeps the nulls inside it', async () => {
    const workspaceId = workspace();
    await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      traits: { address: { city: 'Oslo', zip: '0150' } },
    });
    const { user } = await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      traits: { address: { city: null } },
    });
    expect(user.custom_fields).toEqual({ address: { city: null } });
  });

  it('puts known traits into their columns, times in UTC at the millisecond, and everything else into custom fields', async () => {
    const { user } = await identify(db.pool, {
      workspaceId: workspace(),
      userId: 'jane',
      traits: {
        signed_up_at: '2026-01-31T23:30:00.1239+02:00',
        renewal_date: '2026-12-31',
        renewal_status: 'at_risk',
        contract_term: 'bi_annual',
        payment_terms: 'monthly',
        on_contract: false,
        avatar: 'https://example.com/a.png',
        onboarding_step: 3,
        tags: ['a', 1, null],
      },
    });
    expect(user).toMatchObject({
      signed_up_at: new Date('2026-01-31T21:30:00.123Z'),
      renewal_date: new Date('2026-12-31T00:00:00Z'),
      renewal_status: 'at_risk',
      contract_term: 'bi_annual',
      payment_terms: 'monthly',
      on_contract: false,
    });
    expect(user.custom_fields).toEqual({
      avatar: 'https://example.com/a.png',
      onboarding_step: 3,
      tags: ['a', 1, null],
    });
  });

  it('stores `__proto__`, `constructor` and the names of columns it does not have as plain custom fields', async () => {
    const workspaceId = workspace();
    const json =
      '{"__proto__": {"admin": true}, "constructor": 1, "toString": "x", "user_id": "other", "a.b": 3}';
    const traits: unknown = JSON.parse(json);
    await identify(db.pool, { workspaceId, userId: 'jane', traits });
    const { rows } = await db.pool.query<{ same: boolean }>(
      'SELECT custom_fields = $2::jsonb AS same FROM end_users WHERE workspace_id = $1',
      [workspaceId, json],
    );
    expect(rows).toEqual([{ same: true }]);
    expect(Object.hasOwn({}, 'admin')).toBe(false);
  });

  it('keeps hostile names and values as data', async () => {
    const workspaceId = workspace();
    const hostile = `'); DROP TABLE end_users; -- "\\ $1`;
    const { user } = await identify(db.pool, {
      workspaceId,
      userId: hostile,
      traits: { [hostile]: hostile, name: hostile },
    });
    expect(user).toMatchObject({ user_id: hostile, name: hostile, custom_fields: { [hostile]: hostile } });
    expect(await peopleOf(db.pool, workspaceId)).toHaveLength(1);
  });

  it('sets the company when one is given and keeps it when none is', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'jane', companyId: 'acme' });
    const { user } = await identify(db.pool, { workspaceId, userId: 'jane', traits: { role: 'admin' } });
    expect(user.company_id).toBe('acme');
  });

  it('keeps the same user id of two workspaces apart', async () => {
    const [here, there] = [workspace(), workspace()];
    await identify(db.pool, { workspaceId: here, userId: 'jane', traits: { role: 'admin' } });
    const { created } = await identify(db.pool, {
      workspaceId: there,
      userId: 'jane',
      traits: { role: 'viewer' },
    });
    expect(created).toBe(true);
    expect((await peopleOf(db.pool, here))[0]?.custom_fields).toEqual({ role: 'admin' });
    expect((await outboxOf(db.pool, there)).map(({ kind }) => kind)).toEqual(['user_created']);
  });
});

describe('at the same time', () => {
  it('200 calls about one person with a key each lose none', async () => {
    const workspaceId = workspace();
    const keys = Array.from({ length: 200 }, (_, i) => `key_${i}`);
    await Promise.all(
      keys.map((key, i) => identify(db.pool, { workspaceId, userId: 'jane', traits: { [key]: i } })),
    );
    const [person] = await peopleOf(db.pool, workspaceId);
    expect(Object.keys(person?.custom_fields ?? {}).toSorted()).toEqual(keys.toSorted());
    const changed = (await outboxOf(db.pool, workspaceId)).flatMap(({ payload }) => payload.fields);
    expect(changed.toSorted()).toEqual(keys.map((key) => `custom:${key}`).toSorted());
  });

  it('50 first calls make one row, one of them says created, and the outbox has one fact', async () => {
    const workspaceId = workspace();
    const calls = Array.from({ length: 50 }, () =>
      identify(db.pool, { workspaceId, userId: 'jane', traits: { role: 'admin' } }),
    );
    const answers = await Promise.all(calls);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(await peopleOf(db.pool, workspaceId)).toHaveLength(1);
    expect((await outboxOf(db.pool, workspaceId)).map(({ kind }) => kind)).toEqual(['user_created']);
  });

  it('a first call that meets the uncommitted row of another waits, is no creation, and names what it changed', async () => {
    const workspaceId = workspace();
    const client = await db.pool.connect();
    let second: ReturnType<typeof identify>;
    try {
      await client.query('BEGIN');
      await identify(client, { workspaceId, userId: 'jane', traits: { role: 'admin', plan: 'pro' } });
      second = identify(db.pool, { workspaceId, userId: 'jane', traits: { role: 'admin', seats: 5 } });
      await untilSomebodyWaits();
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    const { user, created } = await second;
    expect(created).toBe(false);
    expect(user.custom_fields).toEqual({ role: 'admin', plan: 'pro', seats: 5 });
    const facts = await outboxOf(db.pool, workspaceId);
    expect(facts.map(({ kind, payload }) => [kind, payload.fields])).toEqual([
      ['user_created', ['custom:plan', 'custom:role']],
      ['user_updated', ['custom:seats']],
    ]);
  });

  it('a first call that waited for one that was rolled back makes the person itself', async () => {
    const workspaceId = workspace();
    const client = await db.pool.connect();
    let second: ReturnType<typeof identify>;
    try {
      await client.query('BEGIN');
      await identify(client, { workspaceId, userId: 'jane', traits: { role: 'admin' } });
      second = identify(db.pool, { workspaceId, userId: 'jane', traits: { seats: 5 } });
      await untilSomebodyWaits();
      await client.query('ROLLBACK');
    } finally {
      client.release();
    }
    const { user, created } = await second;
    expect(created).toBe(true);
    expect(user.custom_fields).toEqual({ seats: 5 });
    expect((await outboxOf(db.pool, workspaceId)).map(({ kind }) => kind)).toEqual(['user_created']);
  });

  it.each([
    ['the person', { userId: 'jane' }],
    ['the visitor', { userId: 'john', anonymousId: 'new visitor' }],
  ])(
    'nothing is raised when another call takes %s meanwhile: a visitor who is nobody joins, one who became somebody does not',
    async (_, other) => {
      const workspaceId = workspace();
      await db.pool.query(`INSERT INTO end_users (workspace_id, anonymous_id) VALUES ($1, 'visitor')`, [
        workspaceId,
      ]);
      const anonymousId = other.userId === 'jane' ? 'visitor' : 'new visitor';
      const client = await db.pool.connect();
      let second: ReturnType<typeof identify>;
      try {
        await client.query('BEGIN');
        await identify(client, { workspaceId, ...other });
        second = identify(db.pool, { workspaceId, userId: 'jane', anonymousId, traits: { seats: 5 } });
        await untilSomebodyWaits();
        await client.query('COMMIT');
      } finally {
        client.release();
      }
      const { user, created } = await second;
      expect(created).toBe(other.userId !== 'jane');
      expect(user).toMatchObject({
        anonymous_id: other.userId === 'jane' ? 'visitor' : null,
        custom_fields: { seats: 5 },
      });
      expect(await peopleOf(db.pool, workspaceId)).toHaveLength(other.userId === 'jane' ? 1 : 3);
    },
  );

  it('columns that two calls set do not undo each other', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'jane' });
    const sets = [
      { name: 'Jane' },
      { email: 'j@example.com' },
      { renewal_status: 'renewed' },
      { on_contract: true },
    ];
    await Promise.all(sets.map((traits) => identify(db.pool, { workspaceId, userId: 'jane', traits })));
    expect((await peopleOf(db.pool, workspaceId))[0]).toMatchObject(Object.assign({}, ...sets));
  });

  it('40 calls that name one visitor for 40 people raise nothing and give the visitor to one', async () => {
    const workspaceId = workspace();
    await db.pool.query(`INSERT INTO end_users (workspace_id, anonymous_id) VALUES ($1, 'visitor')`, [
      workspaceId,
    ]);
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        identify(db.pool, { workspaceId, userId: `p${i}`, anonymousId: 'visitor', traits: { i } }),
      ),
    );
    const people = await peopleOf(db.pool, workspaceId);
    expect(people).toHaveLength(40);
    expect(people.filter(({ anonymous_id }) => anonymous_id === 'visitor')).toHaveLength(1);
    expect(people.every(({ custom_fields }) => 'i' in custom_fields)).toBe(true);
    expect((await outboxOf(db.pool, workspaceId)).filter(({ kind }) => kind === 'user_created')).toHaveLength(
      40,
    );
  });
});

const at = (text: string): Date => new Date(text);

describe('times', () => {
  it('last_seen moves forward only, first_seen backward only', async () => {
    const workspaceId = workspace();
    const visit = (now: Date) => identify(db.pool, { workspaceId, userId: 'jane', now });
    await visit(at('2026-03-01T00:00:00Z'));
    await visit(at('2026-05-01T00:00:00Z'));
    const { user } = await visit(at('2026-01-01T00:00:00Z'));
    expect(user).toMatchObject({
      first_seen: at('2026-01-01T00:00:00Z'),
      last_seen: at('2026-05-01T00:00:00Z'),
      created_at: at('2026-03-01T00:00:00Z'),
    });
  });

  it('the database clock is used at the millisecond when no instant is given', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'jane' });
    const { rows } = await db.pool.query<{ whole: boolean; near: boolean }>(
      `SELECT last_seen = date_trunc('milliseconds', last_seen) AND first_seen = last_seen AND created_at = last_seen AS whole,
              last_seen > now() - interval '1 minute' AS near
       FROM end_users WHERE workspace_id = $1`,
      [workspaceId],
    );
    expect(rows).toEqual([{ whole: true, near: true }]);
  });
});

describe('outbox', () => {
  it('a person that the call makes is `user_created`, whatever signed_up_at says, with field names and no values', async () => {
    const workspaceId = workspace();
    const traits = {
      signed_up_at: '2019-01-01',
      email: 'jane@example.com',
      role: 'admin',
      '/odd~key': 1,
      plan: null,
    };
    const { user, created } = await identify(db.pool, { workspaceId, userId: 'jane', traits });
    expect(created).toBe(true);
    expect(await outboxOf(db.pool, workspaceId)).toEqual([
      {
        kind: 'user_created',
        end_user_id: user.id,
        user_id: 'jane',
        payload: { fields: ['email', 'signed_up_at', 'custom:/~1odd~0key', 'custom:role'] },
      },
    ]);
  });

  it('a change is `user_updated` with what changed, and a call that changes nothing writes nothing', async () => {
    const workspaceId = workspace();
    const traits = { name: 'Jane', role: 'admin', tags: [1, 2] };
    await identify(db.pool, { workspaceId, userId: 'jane', traits });
    await identify(db.pool, { workspaceId, userId: 'jane', traits });
    await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      companyId: 'acme',
      traits: { ...traits, role: null, tags: [2, 1] },
    });
    const facts = await outboxOf(db.pool, workspaceId);
    expect(facts.map(({ kind, payload }) => [kind, payload.fields])).toEqual([
      ['user_created', ['name', 'custom:role', 'custom:tags']],
      ['user_updated', ['company_id', 'custom:role', 'custom:tags']],
    ]);
  });

  it('a person who was imported before is not created by a call', async () => {
    const workspaceId = workspace();
    await db.pool.query(`INSERT INTO end_users (workspace_id, user_id) VALUES ($1, 'jane')`, [workspaceId]);
    const { created, user } = await identify(db.pool, { workspaceId, userId: 'jane' });
    expect(created).toBe(false);
    expect(user.first_seen).toEqual(user.last_seen);
    expect(await outboxOf(db.pool, workspaceId)).toEqual([]);
  });

  it('stands or falls with the row: a rolled back transaction leaves neither', async () => {
    const workspaceId = workspace();
    const client = await db.pool.connect();
    try {
      await client.query('BEGIN');
      await identify(client, { workspaceId, userId: 'jane', anonymousId: 'visitor' });
      await client.query('ROLLBACK');
    } finally {
      client.release();
    }
    expect(await peopleOf(db.pool, workspaceId)).toEqual([]);
    expect(await outboxOf(db.pool, workspaceId)).toEqual([]);
  });

  it('a fact that cannot be written takes the row with it', async () => {
    const workspaceId = workspace();
    await db.pool.query(
      'ALTER TABLE outbox ADD CONSTRAINT refuse_all CHECK (workspace_id <> $q$' + workspaceId + '$q$)',
    );
    await expect(identify(db.pool, { workspaceId, userId: 'jane' })).rejects.toThrow(/refuse_all/);
    await db.pool.query('ALTER TABLE outbox DROP CONSTRAINT refuse_all');
    expect(await peopleOf(db.pool, workspaceId)).toEqual([]);
  });
});

describe('visitors', () => {
  it('a visitor without a user id becomes the person: same row, earlier first_seen, traits kept, `user_created`', async () => {
    const workspaceId = workspace();
    await db.pool.query(
      `INSERT INTO end_users (workspace_id, anonymous_id, custom_fields, first_seen)
       VALUES ($1, 'visitor', '{"source": "ad"}', '2026-01-01')`,
      [workspaceId],
    );
    const call = { workspaceId, userId: 'jane', anonymousId: 'visitor', traits: { role: 'admin' } };
    const { user, created } = await identify(db.pool, call);
    expect(created).toBe(true);
    expect(user).toMatchObject({
      user_id: 'jane',
      anonymous_id: 'visitor',
      first_seen: new Date('2026-01-01T00:00:00Z'),
      custom_fields: { source: 'ad', role: 'admin' },
    });
    expect(await peopleOf(db.pool, workspaceId)).toHaveLength(1);
    expect((await outboxOf(db.pool, workspaceId)).map(({ kind }) => kind)).toEqual(['user_created']);
    expect((await identify(db.pool, call)).created).toBe(false);
  });

  it('an unknown visitor is noted on the person', async () => {
    const workspaceId = workspace();
    const { user } = await identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'visitor' });
    expect(user.anonymous_id).toBe('visitor');
  });

  it('a visitor who is somebody else already stays somebody else', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'visitor' });
    const { user, created } = await identify(db.pool, {
      workspaceId,
      userId: 'john',
      anonymousId: 'visitor',
    });
    expect(created).toBe(true);
    expect(user.anonymous_id).toBeNull();
  });
});

describe('refusals', () => {
  it.each(['id', 'created_at', 'updated_at', 'first_seen', 'last_seen', 'last_contacted_at', 'customer_for'])(
    '`%s` as a trait is refused with 400, what to use instead, and nothing is written',
    async (key) => {
      const workspaceId = workspace();
      const refused = { workspaceId, userId: 'jane', traits: { role: 'admin', [key]: '2026-01-01' } };
      const [first] = await problemsOf(() => identify(db.pool, refused));
      expect(first).toMatchObject({ code: 'reserved_trait', path: `/traits/${key}` });
      expect(first?.message).toContain(`\`${key}\``);
      expect(first?.hint).toMatch(/^leave it out/);
      await expect(identify(db.pool, refused)).rejects.toMatchObject({ status: 400 });
      expect(await peopleOf(db.pool, workspaceId)).toEqual([]);
      expect(await outboxOf(db.pool, workspaceId)).toEqual([]);
    },
  );

  it('a reserved trait that is null is refused too', async () => {
    const call = { workspaceId: workspace(), userId: 'jane', traits: { last_seen: null } };
    expect(await codesOf(() => identify(db.pool, call))).toEqual(['reserved_trait']);
  });

  it('every problem of one call is named at once, and an existing person stays as they are', async () => {
    const workspaceId = workspace();
    await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      traits: { role: 'admin' },
      now: 1_700_000_000_000,
    });
    const call = {
      workspaceId,
      userId: '',
      companyId: 'x'.repeat(513),
      anonymousId: '\u0000',
      traits: { role: 'viewer', last_seen: 'now', renewal_status: 'risky' },
    };
    const problems = await problemsOf(() => identify(db.pool, call));
    expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'bad_user_id /user_id',
      'bad_user_id /company_id',
      'bad_user_id /anonymous_id',
      'reserved_trait /traits/last_seen',
      'trait_not_allowed /traits/renewal_status',
    ]);
    const [person] = await peopleOf(db.pool, workspaceId);
    expect(person).toMatchObject({
      custom_fields: { role: 'admin' },
      last_seen: new Date(1_700_000_000_000),
    });
  });

  it('an instant outside the years 0001 to 9999 is refused', async () => {
    const call = { workspaceId: workspace(), userId: 'jane', now: 1e15 };
    expect(await codesOf(() => identify(db.pool, call))).toEqual(['bad_now']);
  });
});
