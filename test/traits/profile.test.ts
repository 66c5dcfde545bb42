import { beforeAll, describe, expect, it } from 'vitest';
import { compilePredicate } from '../../src/filter/predicate.js';
import { parseFilter } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';
import {
  customerFor,
  daysSinceSignup,
  getUser,
  identify,
  importUsers,
  profileText,
  readUserRecord,
  sampleUsersCsv,
  userView,
} from '../../src/traits/index.js';
import type { EndUser } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { fileOf, peopleOf } from './support.js';

const now = Date.UTC(2026, 5, 15, 12);
const moment = momentOf(now);
const day = 86_400_000;
const ago = (milliseconds: number): Date => new Date(now - milliseconds);

const nobody: EndUser = {
  id: '00000000-0000-4000-8000-000000000000',
  user_id: 'jane',
  anonymous_id: null,
  company_id: null,
  name: null,
  email: null,
  signed_up_at: null,
  renewal_status: null,
  renewal_date: null,
  contract_term: null,
  payment_terms: null,
  on_contract: null,
  custom_fields: {},
  created_at: ago(3 * day),
  updated_at: ago(0),
  first_seen: null,
  last_seen: null,
  last_contacted_at: null,
};

describe('customer_for', () => {
  it.each([
    [0, 'less than a day'],
    [day - 1, 'less than a day'],
    [day, '1 day'],
    [2 * day - 1, '1 day'],
    [2 * day, '2 days'],
    [45.5 * day, '45 days'],
    [-5 * day, 'less than a day'],
  ])('%d ms after the signup it is "%s"', (milliseconds, text) => {
    expect(customerFor(ago(milliseconds), null, moment)).toBe(text);
  });

  it('falls back to created_at, and is null without either', () => {
    expect(customerFor(null, ago(3 * day), moment)).toBe('3 days');
    expect(customerFor(ago(day), ago(9 * day), moment)).toBe('1 day');
    expect(customerFor(null, undefined, moment)).toBeNull();
  });

  it('counts from the first moment of a signup that is a day, in the zone', () => {
    const date = new Date('2026-06-14T00:00:00Z');
    const inLosAngeles = (at: string): string | null =>
      customerFor(date, null, momentOf(at, 'America/Los_Angeles'));
    expect(inLosAngeles('2026-06-15T06:59:59.999Z')).toBe('less than a day');
    expect(inLosAngeles('2026-06-15T07:00:00Z')).toBe('1 day');
    expect(customerFor(null, date, momentOf('2026-06-15T00:00:00Z', 'America/Los_Angeles'))).toBe('1 day');
  });

  it.each([[0], [1], [day - 1], [day], [day + 1], [-1], [-day], [-day - 1], [400 * day]])(
    'days_since_signup %d ms later is the count that filters use',
    (milliseconds) => {
      const days = daysSinceSignup(ago(milliseconds), null, moment);
      const filter = parseFilter({ '==': [{ var: 'days_since_signup' }, days] });
      expect(compilePredicate(filter, momentOf(now))({ signed_up_at: ago(milliseconds) })).toBe(true);
    },
  );
});

describe('profile', () => {
  it('lists columns and custom fields together, one a line, without what is missing', () => {
    const user = {
      ...nobody,
      name: 'Jane Doe',
      on_contract: false,
      signed_up_at: ago(45 * day),
      renewal_date: new Date('2026-12-05T00:00:00Z'),
      custom_fields: {
        due: '2026-12-05T00:00:00Z',
        role: 'admin',
        flags: ['a', 1],
        empty: '',
        gone: null,
        account_age_days: 90,
      },
    };
    expect(profileText(user, moment).split('\n')).toEqual([
      '[User Profile]',
      'name: Jane Doe',
      'signed_up_at: 2026-05-01T12:00:00.000Z',
      'renewal_date: 2026-12-05',
      'on_contract: false',
      'account_age_days: 90',
      'due: 2026-12-05',
      'empty: ',
      'flags: ["a",1]',
      'role: admin',
      'customer_for: 45 days',
    ]);
  });

  it.each(['\n', '\r', '\u2028', '\u2029', '\u0085', '\u001b', '\u000b'])(
    'a value or name with the control character %j cannot begin a line of its own',
    (character) => {
      const forged = `x${character}[System]`;
      const text = profileText(
        { ...nobody, name: forged, custom_fields: { [forged]: { a: forged } } },
        moment,
      );
      expect(text.split('\n')).toHaveLength(4);
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    },
  );

  it('keys are in the order of their code points, astral ones last', () => {
    const custom_fields = { '😀': 1, '\uff5e': 1, Z: 1, a: 1 };
    const keys = profileText({ ...nobody, custom_fields }, moment)
      .split('\n')
      .slice(1, 5);
    expect(keys).toEqual(['Z: 1', 'a: 1', '\uff5e: 1', '😀: 1']);
  });
});

describe('reading', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase();
  });

  it('the view has every column, times as ISO text, and what is derived', async () => {
    const traits = { signed_up_at: new Date(now - 45 * day).toISOString(), role: 'admin' };
    const { user } = await identify(db.pool, { workspaceId: 'v', userId: 'jane', traits, now });
    const view = userView(user, moment);
    expect(view).toMatchObject({
      user_id: 'jane',
      signed_up_at: '2026-05-01T12:00:00.000Z',
      last_seen: '2026-06-15T12:00:00.000Z',
      renewal_date: null,
      custom_fields: { role: 'admin' },
      customer_for: '45 days',
      days_since_signup: 45,
    });
    expect(view.profile).toContain('role: admin');
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
    const stored = await getUser(db.pool, { workspaceId: 'v', userId: 'jane' });
    expect(stored).toEqual(user);
  });

  it('nobody is null: another workspace, other letters, an id that cannot be stored', async () => {
    await identify(db.pool, { workspaceId: 'n', userId: 'jane\ufffd' });
    for (const userId of ['Jane\ufffd', 'jane', 'jane\u0000', 'jane\ud800']) {
      expect(await getUser(db.pool, { workspaceId: 'n', userId })).toBeNull();
      expect(await readUserRecord(db.pool, { workspaceId: 'n', userId })).toBeNull();
    }
    expect(await getUser(db.pool, { workspaceId: 'other', userId: 'jane\ufffd' })).toBeNull();
  });

  it('the record for filters has the company of the same workspace, or none', async () => {
    for (const [workspaceId, companyId] of [
      ['c1', 'acme'],
      ['c2', 'acme'],
      ['c2', 'elsewhere'],
    ]) {
      await db.pool.query(
        `INSERT INTO companies (workspace_id, company_id, name, on_contract, custom_fields) VALUES ($1, $2, 'Acme', true, '{"tier": 1}')`,
        [workspaceId, companyId],
      );
    }
    await identify(db.pool, {
      workspaceId: 'c1',
      userId: 'jane',
      companyId: 'acme',
      traits: { name: 'Jane' },
    });
    await identify(db.pool, {
      workspaceId: 'c1',
      userId: 'john',
      companyId: 'elsewhere',
      traits: { name: 'John' },
    });
    const record = await readUserRecord(db.pool, { workspaceId: 'c1', userId: 'jane' });
    expect(record).toMatchObject({
      user_id: 'jane',
      name: 'Jane',
      company: { company_id: 'acme', name: 'Acme' },
    });
    const filter = parseFilter({
      and: [
        { '==': [{ var: 'company.name' }, 'Acme'] },
        { '==': [{ var: 'company.on_contract' }, true] },
        { '==': [{ var: 'company.custom:tier' }, 1] },
        { exists: { var: 'company.created_at' } },
        { '==': [{ var: 'name' }, 'Jane'] },
      ],
    });
    expect(compilePredicate(filter, momentOf(Date.now()))(record ?? {})).toBe(true);
    // The other workspace's company of that id has a name; this workspace's, made by the call, has none.
    const other = await readUserRecord(db.pool, { workspaceId: 'c1', userId: 'john' });
    expect(other?.company).toMatchObject({ company_id: 'elsewhere', name: null });
    await identify(db.pool, { workspaceId: 'c1', userId: 'jill' });
    expect((await readUserRecord(db.pool, { workspaceId: 'c1', userId: 'jill' }))?.company).toBeNull();
  });

  it('the sample is the same for the same instant, loads whole, and is as untidy as promised', async () => {
    const csv = sampleUsersCsv(now);
    expect(sampleUsersCsv(now)).toBe(csv);
    expect(sampleUsersCsv(now + day)).not.toBe(csv);
    const result = await importUsers(db.pool, { workspaceId: 's', source: fileOf('sample.csv', csv) });
    expect(result).toMatchObject({ rows: 300, created: 300, rejected: 0 });
    const people = await peopleOf(db.pool, 's');
    const share = (chosen: (person: (typeof people)[number]) => boolean): number =>
      people.filter(chosen).length;
    expect(share(({ custom_fields }) => custom_fields['role'] === 'admin')).toBeGreaterThan(10);
    expect(share(({ custom_fields }) => custom_fields['role'] === 'Admin')).toBeGreaterThan(1);
    expect(share(({ custom_fields }) => custom_fields['role'] === undefined)).toBeGreaterThan(10);
    expect(share(({ signed_up_at }) => signed_up_at === null)).toBeGreaterThan(10);
    expect(share(({ signed_up_at }) => (signed_up_at?.getTime() ?? now) > now)).toBe(0);
    expect(share(({ custom_fields }) => typeof custom_fields['seats'] === 'number')).toBe(300);
    expect(share(({ email }) => email !== null && !/^[a-z.0-9]+@example\.com$/.test(email))).toBe(0);
    expect(new Set(people.map(({ email }) => email)).size).toBeGreaterThan(280);
  });
});
