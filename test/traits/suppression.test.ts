import { beforeAll, describe, expect, it } from 'vitest';
import {
  identify,
  isSuppressed,
  listSuppressed,
  listUnsubscribed,
  resubscribe,
  suppress,
  unsubscribe,
  unsuppress,
} from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `s${(made += 1)}`;

describe('suppressions', () => {
  it('hold for a user id whether or not there is such a person, until they are lifted', async () => {
    const who = { workspaceId: workspace(), userId: 'jane' };
    expect(await isSuppressed(db.pool, who)).toBe(false);
    expect(await suppress(db.pool, { ...who, reason: 'complaint', source: 'ses' })).toEqual({
      changed: true,
    });
    expect(await suppress(db.pool, who)).toEqual({ changed: false });
    expect(await isSuppressed(db.pool, who)).toBe(true);
    expect(await isSuppressed(db.pool, { ...who, topic: 'news' })).toBe(true);
    expect(await isSuppressed(db.pool, { ...who, userId: 'Jane' })).toBe(false);
    expect(await unsuppress(db.pool, who)).toEqual({ changed: true });
    expect(await unsuppress(db.pool, who)).toEqual({ changed: false });
    expect(await isSuppressed(db.pool, who)).toBe(false);
  });

  it('hold for an e-mail address in any ASCII case, and so for whoever has it now', async () => {
    const workspaceId = workspace();
    await suppress(db.pool, { workspaceId, email: ' Jane@Example.com ' });
    await identify(db.pool, { workspaceId, userId: 'jane', traits: { email: 'jane@example.COM' } });
    expect(await isSuppressed(db.pool, { workspaceId, email: 'JANE@example.com' })).toBe(true);
    expect(await isSuppressed(db.pool, { workspaceId, userId: 'jane' })).toBe(true);
    await identify(db.pool, { workspaceId, userId: 'jane', traits: { email: 'other@example.com' } });
    expect(await isSuppressed(db.pool, { workspaceId, userId: 'jane' })).toBe(false);
  });

  it('take a user id and an e-mail address of the same letters for two things', async () => {
    const workspaceId = workspace();
    await suppress(db.pool, { workspaceId, userId: 'a@b.c' });
    expect(await isSuppressed(db.pool, { workspaceId, email: 'a@b.c' })).toBe(false);
  });

  it('do not reach another workspace, where the same id has another hash', async () => {
    const [here, there] = [workspace(), workspace()];
    await suppress(db.pool, { workspaceId: here, userId: 'jane' });
    expect(await isSuppressed(db.pool, { workspaceId: there, userId: 'jane' })).toBe(false);
    await suppress(db.pool, { workspaceId: there, userId: 'jane' });
    const { rows } = await db.pool.query(
      'SELECT DISTINCT hash FROM suppressions WHERE workspace_id = ANY ($1)',
      [[here, there]],
    );
    expect(rows).toHaveLength(2);
  });

  it('of 20 calls at once, each of both identifiers, leave two entries', async () => {
    const workspaceId = workspace();
    const both = { workspaceId, userId: 'jane', email: 'j@example.com' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => suppress(db.pool, both)));
    expect(answers.filter(({ changed }) => changed)).toHaveLength(1);
    expect((await listSuppressed(db.pool, { workspaceId })).entries).toHaveLength(2);
  });

  it('are listed page by page, each once, with reason, source and time', async () => {
    const workspaceId = workspace();
    for (let i = 0; i < 7; i += 1) {
      await suppress(db.pool, { workspaceId, userId: `u${i}`, email: `u${i}@example.com`, reason: 'bounce' });
    }
    const seen: string[] = [];
    let after: string | undefined;
    let pages = 0;
    do {
      const page = await listSuppressed(db.pool, { workspaceId, limit: 3, after });
      for (const entry of page.entries) {
        expect(entry).toMatchObject({ reason: 'bounce', source: 'api' });
        expect(entry.at).toBeInstanceOf(Date);
        seen.push(`${entry.kind} ${entry.identifier}`);
      }
      after = page.next ?? undefined;
      pages += 1;
    } while (after !== undefined);
    expect(pages).toBe(5);
    expect(seen.toSorted()).toEqual(
      Array.from({ length: 7 }, (_, i) => [`email u${i}@example.com`, `user_id u${i}`])
        .flat()
        .toSorted(),
    );
  });
});

describe('unsubscribes', () => {
  it('hold for one topic or for all, and a topic that is taken back leaves the wish for all', async () => {
    const who = { workspaceId: workspace(), userId: 'jane' };
    const news = { ...who, topic: 'news' };
    await unsubscribe(db.pool, news);
    expect(await isSuppressed(db.pool, news)).toBe(true);
    expect(await isSuppressed(db.pool, who)).toBe(false);
    expect(await isSuppressed(db.pool, { ...who, topic: 'billing' })).toBe(false);
    await unsubscribe(db.pool, who);
    expect(await isSuppressed(db.pool, { ...who, topic: 'billing' })).toBe(true);
    await resubscribe(db.pool, news);
    expect(await isSuppressed(db.pool, news)).toBe(true);
    const { entries } = await listUnsubscribed(db.pool, { workspaceId: who.workspaceId });
    expect(entries).toMatchObject([{ kind: 'user_id', identifier: 'jane', topic: null }]);
    await resubscribe(db.pool, who);
    expect(await isSuppressed(db.pool, news)).toBe(false);
  });

  it('are apart from suppressions: subscribing again does not lift a bounce, nor the other way round', async () => {
    const who = { workspaceId: workspace(), email: 'j@example.com' };
    await suppress(db.pool, { ...who, reason: 'hard_bounce' });
    await unsubscribe(db.pool, who);
    await resubscribe(db.pool, who);
    expect(await isSuppressed(db.pool, who)).toBe(true);
    await unsubscribe(db.pool, who);
    await unsuppress(db.pool, who);
    expect(await isSuppressed(db.pool, who)).toBe(true);
  });
});

it('nobody named, unstorable texts and pages that are none are refused', async () => {
  const workspaceId = workspace();
  expect(await codesOf(() => suppress(db.pool, { workspaceId }))).toEqual(['nobody_named']);
  const bad = { workspaceId, userId: '', email: '\u0000', reason: ' ', topic: 'x'.repeat(201) };
  expect(await codesOf(() => unsubscribe(db.pool, bad))).toEqual([
    'bad_user_id',
    'bad_label',
    'bad_label',
    'bad_label',
  ]);
  for (const page of [
    { limit: 0 },
    { limit: 1001 },
    { limit: 1.5 },
    { after: 'x' },
    { after: Buffer.from('["email","zz"]').toString('base64url') },
    { after: Buffer.from('["email"]').toString('base64url') },
  ]) {
    expect(await codesOf(() => listSuppressed(db.pool, { workspaceId, ...page }))).toEqual(['bad_page']);
  }
});
