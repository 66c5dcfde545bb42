import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { identify, importUsers, isSuppressed } from '../../src/traits/index.js';
import type { ImportUsers } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { peopleOf, problemsOf } from './support.js';

/** What other products export loads as it is, under its preset. */

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;

async function load(file: string, options: Partial<ImportUsers>) {
  const workspaceId = `w${(made += 1)}`;
  const source = fileURLToPath(new URL(`exports/${file}.csv`, import.meta.url));
  const result = await importUsers(db.pool, { workspaceId, source, ...options });
  const people = await peopleOf(db.pool, workspaceId);
  const out = (userId: string): Promise<boolean> => isSuppressed(db.pool, { workspaceId, userId });
  return { result, people, out, workspaceId, source };
}

const byEmail = { key: 'email', create: true } as const;

it('Mailchimp', async () => {
  const { result, people } = await load('mailchimp', { preset: 'mailchimp', ...byEmail });
  expect(result).toMatchObject({ rows: 2, created: 2, rejected: 0, cellsRefused: 0, unsubscribed: 0 });
  expect(result.columns.find(({ name }) => name === 'First Name')).toMatchObject({
    field: 'first_name',
    note: 'the preset maps it; it is a part of `name` too',
  });
  expect(people).toMatchObject([
    {
      user_id: 'mc1@example.com',
      email: 'mc1@example.com',
      name: 'Ann Lee',
      custom_fields: {
        first_name: 'Ann',
        phone: '(555) 010-1234',
        birthday: '11/30',
        member_rating: 4,
        optin_time: '2021-03-04T10:11:12Z',
        gmtoff: -5,
        latitude: 39.9,
        tags: 'VIP,Beta users',
        mailchimp_leid: 123456789,
      },
    },
    {
      user_id: 'mc2@example.com',
      name: 'Bob',
      custom_fields: { phone: '05550109876', latitude: 0, notes: 'called twice\nno answer' },
    },
  ]);
});

it('HubSpot', async () => {
  const { people, out } = await load('hubspot', { preset: 'hubspot', ...byEmail });
  expect(people).toMatchObject([
    {
      email: 'hs1@example.com',
      name: 'Ann Lee',
      custom_fields: {
        hubspot_id: 101,
        phone: '+15550101234',
        hubspot_created_at: '2024-01-02T03:04Z',
        number_of_employees: 250,
        annual_revenue: 1_000_000,
        products_of_interest: 'CRM,Service Hub,CMS',
      },
    },
    { email: 'hs2@example.com', custom_fields: { phone: '0555 010 98', lifecycle_stage: 'Lead' } },
  ]);
  expect([await out('hs1@example.com'), await out('hs2@example.com')]).toEqual([false, true]);
});

it('Intercom', async () => {
  const { result, people, out } = await load('intercom', { preset: 'intercom' });
  expect(result).toMatchObject({ created: 2, rejected: 0, cellsRefused: 0, unsubscribed: 1, suppressed: 0 });
  expect(people).toMatchObject([
    {
      user_id: 'ic-1',
      name: 'Ann Lee',
      email: 'ic1@example.com',
      signed_up_at: new Date('2024-01-02T03:04:05Z'),
      last_seen: null,
      custom_fields: {
        web_sessions: 12,
        tags: 'vip,beta',
        timezone: 'Europe/Rome',
        intercom_id: '65a1b2c3',
        intercom_last_seen_at: '2024-03-02T03:04:05Z',
      },
    },
    { user_id: 'ic-2', custom_fields: { web_sessions: 0 } },
  ]);
  expect([await out('ic-1'), await out('ic-2')]).toEqual([false, true]);
});

it('Stripe', async () => {
  const { result, people } = await load('stripe', { preset: 'stripe' });
  expect(people).toMatchObject([
    {
      user_id: 'u-1',
      name: 'Ann Lee',
      email: 'st1@example.com',
      custom_fields: {
        stripe_customer_id: 'cus_A1',
        stripe_created_at: '2024-01-02T03:04Z',
        delinquent: false,
        card_last4: '4242',
        total_spend: 1250.5,
        payment_count: 3,
        average_order: 416.83,
      },
    },
  ]);
  expect(result.rejects).toMatchObject([{ line: 3, code: 'row_no_user_id' }]);
  const other = await load('stripe', { preset: 'stripe', id: 'id' });
  expect(other.people.map(({ user_id, custom_fields }) => [user_id, custom_fields['total_spend']])).toEqual([
    ['cus_A1', 1250.5],
    ['cus_A2', 0],
  ]);
});

it('Shopify, whose apostrophes before numbers are none of them', async () => {
  const { result, people, out } = await load('shopify', { preset: 'shopify' });
  expect(result).toMatchObject({ created: 2, rejected: 0, cellsRefused: 0, unsubscribed: 1 });
  expect(people).toMatchObject([
    {
      user_id: '7398802653250',
      name: 'Ann Lee',
      email: 'sh1@example.com',
      custom_fields: {
        zip: '02134',
        phone: '+15550101234',
        total_spent: 120,
        total_orders: 2,
        accepts_sms_marketing: false,
        tags: 'wholesale,vip',
      },
    },
    {
      user_id: '7398802653251',
      custom_fields: { zip: '33101', total_spent: 0, note: 'said "call me"', tax_exempt: false },
    },
  ]);
  expect([await out('7398802653250'), await out('7398802653251')]).toEqual([false, true]);
});

it('Salesforce, whose lines below the table are no people', async () => {
  const { result, people, out, workspaceId } = await load('salesforce', {
    preset: 'salesforce',
    dates: 'mdy',
    ...byEmail,
  });
  expect(result).toMatchObject({ created: 2, unsubscribed: 1 });
  expect(people).toMatchObject([
    {
      email: 'sf1@example.com',
      name: 'Ann Lee',
      custom_fields: { salesforce_id: '003A1', salesforce_created_at: '2024-01-02', account_name: 'Acme' },
    },
    { email: 'sf2@example.com', custom_fields: { salesforce_created_at: '2023-12-31' } },
  ]);
  expect([await out('sf1@example.com'), await out('sf2@example.com')]).toEqual([false, true]);
  const { rows } = await db.pool.query(
    `SELECT u.company_id, c.last_seen FROM end_users u JOIN companies c USING (workspace_id, company_id)
     WHERE u.workspace_id = $1`,
    [workspaceId],
  );
  expect(rows).toEqual([1, 2].map(() => ({ company_id: '001A1', last_seen: null })));
  // The three lines that Salesforce writes below every report are known; the last is the company's own.
  expect([result.rows, result.rejected]).toEqual([3, 1]);
});

it('Google Contacts', async () => {
  const { people } = await load('google_contacts', { preset: 'google_contacts', ...byEmail });
  expect(people).toMatchObject([
    {
      email: 'gc1@example.com',
      name: 'Ann Lee',
      custom_fields: {
        labels: '* myContacts,Friends',
        job_title: 'CTO',
        birthday: '1990-02-03',
        phone: '+15550101234',
      },
    },
    { email: 'gc2@example.com', name: 'Bob', custom_fields: { notes: 'called twice\nno answer' } },
  ]);
});

it('Customer.io', async () => {
  const { result, people, out } = await load('customerio', { preset: 'customerio' });
  expect(result).toMatchObject({ created: 2, rejected: 0, cellsRefused: 0, unsubscribed: 1 });
  expect(people).toMatchObject([
    {
      user_id: 'ci-1',
      email: 'ci1@example.com',
      signed_up_at: new Date('2024-01-02T03:04:05Z'),
      custom_fields: {
        cio_id: '0a1b',
        plan: 'pro',
        last_visit: 1709348645,
        relationships: [{ identifiers: { object_id: 'acme' } }],
      },
    },
    { user_id: 'ci-2', custom_fields: { plan: 'free', relationships: [] } },
  ]);
  expect([await out('ci-1'), await out('ci-2')]).toEqual([false, true]);
});

it('a Postgres dump', async () => {
  const { result, people } = await load('pgdump', { preset: 'postgres' });
  expect(result).toMatchObject({ created: 2, rejected: 0, cellsRefused: 0 });
  expect(people).toMatchObject([
    {
      user_id: 'pg-1',
      email: 'pg1@example.com',
      name: 'Ann',
      signed_up_at: new Date('2024-01-02T03:04:05.123Z'),
      last_seen: null,
      custom_fields: {
        database_id: 1,
        database_updated_at: '2024-01-02T03:04:05+00:00',
        is_admin: true,
        settings: { theme: 'dark', beta: true },
      },
    },
    { user_id: 'pg-2', custom_fields: { database_id: 2, is_admin: false, settings: {} } },
  ]);
  expect(people[1]?.custom_fields).not.toHaveProperty('last_seen_at');
});

it('European Excel: semicolons, Windows-1252, decimal commas, days first', async () => {
  const { result, people } = await load('excel_european', {
    encoding: 'windows-1252',
    dates: 'dmy',
    map: {
      'Kunden-Nr': 'user_id',
      'E-Mail': 'email',
      Umsatz: 'revenue',
      Anteil: 'share',
      PLZ: 'zip',
      'Kunde seit': 'signed_up_at',
      Aktiv: 'active',
    },
  });
  expect(result).toMatchObject({ created: 2, delimiter: ';', encoding: 'windows-1252', cellsRefused: 0 });
  expect(people).toMatchObject([
    {
      user_id: '1001',
      name: 'Zoë Müller',
      signed_up_at: new Date('2026-12-05T00:00:00Z'),
      custom_fields: { revenue: 1250.5, share: 12.5, zip: '01067' },
    },
    {
      user_id: '1002',
      name: 'Groß; Söhne',
      signed_up_at: new Date('2025-01-31T00:00:00Z'),
      custom_fields: { revenue: 980, share: 7, zip: '94105' },
    },
  ]);
});

describe('without options', () => {
  it.each([
    ['mailchimp', 'no id of your product', 'mailchimp'],
    ['hubspot', 'Record ID', 'hubspot'],
    ['salesforce', 'Contact ID', 'salesforce'],
    ['google_contacts', 'no id of your product', 'google_contacts'],
  ] as const)('the preset %s has no id and says so', async (file, says, preset) => {
    const [problem] = await problemsOf(() => load(file, { preset }));
    expect(problem?.code).toBe('import_no_user_id');
    expect(problem?.hint).toContain(says);
    expect(problem?.hint).toContain('--key email');
  });

  it('`Email`, `Name` and `User ID` are the fields they are called after, and the answer says so', async () => {
    const { result, people } = await load('intercom', {});
    expect(people[0]).toMatchObject({ user_id: 'ic-1', email: 'ic1@example.com', name: 'Ann Lee' });
    const renamed = result.columns.filter(({ name, field }) => field !== null && field !== name);
    expect(renamed.map(({ name, field }) => [name, field])).toEqual([
      ['Name', 'name'],
      ['Email', 'email'],
      ['User ID', 'user_id'],
    ]);
    expect(renamed.every(({ note }) => note?.includes('letter case') === true)).toBe(true);
    const left = result.columns.filter(({ field }) => field === null);
    expect(left.map(({ name, map }) => [name, map])).toEqual([
      ['id', 'id=source_id'],
      ['last_seen', 'last_seen=source_last_seen'],
      ['created_at', 'created_at=signed_up_at'],
    ]);
  });
});

it('what somebody opted out of is never taken back by a file', async () => {
  const { workspaceId, source } = await load('customerio', { preset: 'customerio' });
  await identify(db.pool, { workspaceId, userId: 'ci-2' });
  const map = { unsubscribed: 'subscribed' };
  // The other way round, everybody changes sides; who was out stays out.
  await importUsers(db.pool, { workspaceId, source, preset: 'customerio', map });
  expect(await isSuppressed(db.pool, { workspaceId, userId: 'ci-1' })).toBe(true);
  expect(await isSuppressed(db.pool, { workspaceId, userId: 'ci-2' })).toBe(true);
});
