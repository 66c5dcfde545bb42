import { momentOf } from '../../src/filter/time.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { companyView, identify, identifyCompany } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf, peopleOf, problemsOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `c${(made += 1)}`;

interface CompanyColumns {
  readonly company_id: string;
  readonly custom_fields: Record<string, unknown>;
}

async function companiesOf(workspaceId: string): Promise<CompanyColumns[]> {
  const { rows } = await db.pool.query<CompanyColumns>(
    `SELECT company_id, name, renewal_status, custom_fields, first_seen, last_seen FROM companies
     WHERE workspace_id = $1 ORDER BY company_id`,
    [workspaceId],
  );
  return rows;
}

describe('identifyCompany', () => {
  it('merges additively, null removes, known traits go to columns and `email` is a custom field', async () => {
    const workspaceId = workspace();
    const first = await identifyCompany(db.pool, {
      workspaceId,
      companyId: 'acme',
      traits: { name: 'Acme', plan: 'pro', email: 'hi@acme.test', on_contract: true },
    });
    expect(first.created).toBe(true);
    const { company, created } = await identifyCompany(db.pool, {
      workspaceId,
      companyId: 'acme',
      traits: { plan: null, seats: 5, on_contract: null },
    });
    expect(created).toBe(false);
    expect(company).toMatchObject({
      company_id: 'acme',
      name: 'Acme',
      on_contract: null,
      custom_fields: { email: 'hi@acme.test', seats: 5 },
    });
    expect(companyView(company, momentOf(Date.now()))).toMatchObject({ customer_for: 'less than a day' });
  });

  it('200 calls with a key each lose none, and one of them made the company', async () => {
    const workspaceId = workspace();
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        identifyCompany(db.pool, { workspaceId, companyId: 'acme', traits: { [`key_${i}`]: i } }),
      ),
    );
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    const [company] = await companiesOf(workspaceId);
    expect(Object.keys(company?.custom_fields ?? {})).toHaveLength(200);
  });

  it('moves last_seen forward and first_seen backward only', async () => {
    const workspaceId = workspace();
    for (const now of ['2026-03-01', '2026-05-01', '2026-01-01']) {
      await identifyCompany(db.pool, { workspaceId, companyId: 'acme', now: new Date(now) });
    }
    expect((await companiesOf(workspaceId))[0]).toMatchObject({
      first_seen: new Date('2026-01-01'),
      last_seen: new Date('2026-05-01'),
    });
  });

  it('refuses reserved and disallowed traits, all at once, and writes nothing', async () => {
    const workspaceId = workspace();
    const call = { workspaceId, companyId: '', traits: { last_seen: 1, renewal_status: 'risky' } };
    const problems = await problemsOf(() => identifyCompany(db.pool, call));
    expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'bad_user_id /company_id',
      'reserved_trait /traits/last_seen',
      'trait_not_allowed /traits/renewal_status',
    ]);
    expect(await companiesOf(workspaceId)).toEqual([]);
  });
});

describe('identify with a company', () => {
  it('makes the company with its traits in the same transaction, and the person belongs to the last one named', async () => {
    const workspaceId = workspace();
    await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      companyId: 'acme',
      companyTraits: { name: 'Acme', seats: 5 },
    });
    const { user } = await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      companyId: 'umbrella',
      companyTraits: { seats: 7 },
      anonymousId: 'visitor',
    });
    expect(user.company_id).toBe('umbrella');
    expect(await companiesOf(workspaceId)).toMatchObject([
      { company_id: 'acme', name: 'Acme', custom_fields: { seats: 5 } },
      { company_id: 'umbrella', custom_fields: { seats: 7 } },
    ]);
  });

  it('makes the company when only its id is sent, and leaves one that is there as it is', async () => {
    const workspaceId = workspace();
    const early = new Date('2026-01-01');
    await identifyCompany(db.pool, { workspaceId, companyId: 'acme', traits: { seats: 5 }, now: early });
    await identify(db.pool, { workspaceId, userId: 'jane', companyId: 'acme' });
    await identify(db.pool, { workspaceId, userId: 'john', companyId: 'new' });
    expect(await companiesOf(workspaceId)).toMatchObject([
      { company_id: 'acme', custom_fields: { seats: 5 }, last_seen: early },
      { company_id: 'new', custom_fields: {} },
    ]);
  });

  it('stands or falls whole: a company that cannot be written takes the person with it', async () => {
    const workspaceId = workspace();
    await db.pool.query(
      `ALTER TABLE companies ADD CONSTRAINT refuse_all CHECK (workspace_id <> '${workspaceId}' OR custom_fields = '{}')`,
    );
    const call = { workspaceId, userId: 'jane', companyId: 'acme', companyTraits: { seats: 5 } };
    await expect(identify(db.pool, call)).rejects.toThrow(/refuse_all/);
    await db.pool.query('ALTER TABLE companies DROP CONSTRAINT refuse_all');
    expect(await peopleOf(db.pool, workspaceId)).toEqual([]);
    expect(await companiesOf(workspaceId)).toEqual([]);
  });

  it('refuses bad company traits under /company_traits beside those of the person, and writes neither', async () => {
    const workspaceId = workspace();
    const problems = await problemsOf(() =>
      identify(db.pool, {
        workspaceId,
        userId: 'jane',
        companyId: 'acme',
        traits: { id: 1 },
        companyTraits: { created_at: '2026-01-01', contract_term: 'yearly' },
      }),
    );
    expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'reserved_trait /traits/id',
      'reserved_trait /company_traits/created_at',
      'trait_not_allowed /company_traits/contract_term',
    ]);
    expect(await peopleOf(db.pool, workspaceId)).toEqual([]);
    expect(await companiesOf(workspaceId)).toEqual([]);
  });

  it('refuses company traits without a company', async () => {
    const call = { workspaceId: workspace(), userId: 'jane', companyTraits: { seats: 5 } };
    expect(await codesOf(() => identify(db.pool, call))).toEqual(['company_traits_alone']);
  });
});
