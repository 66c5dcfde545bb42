import { momentOf } from '../../src/filter/time.js';
import { beforeAll, expect, it } from 'vitest';
import {
  deleteContextEntry,
  getUser,
  identify,
  listContextEntries,
  setContextEntry,
  userView,
} from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
async function person(): Promise<{ workspaceId: string; userId: string }> {
  const who = { workspaceId: `k${(made += 1)}`, userId: 'jane' };
  await identify(db.pool, { ...who, now: new Date('2026-01-01') });
  return who;
}

it('an entry is any JSON, replaced whole, listed by key, shown beside the profile, and no visit', async () => {
  const who = await person();
  const value: unknown = JSON.parse('{"__proto__": [1, null], "items": [{"sku": "a"}]}');
  await setContextEntry(db.pool, { ...who, key: 'cart', value });
  await setContextEntry(db.pool, { ...who, key: 'a', value: null });
  await setContextEntry(db.pool, { ...who, key: 'a', value: 'text' });
  const entries = await listContextEntries(db.pool, who);
  expect(entries.map(({ key }) => key)).toEqual(['a', 'cart']);
  expect(JSON.stringify(entries[1]?.value)).toBe('{"items":[{"sku":"a"}],"__proto__":[1,null]}');
  const user = await getUser(db.pool, who);
  expect(user?.last_seen).toEqual(new Date('2026-01-01'));
  if (user === null) throw new Error('nobody');
  expect(userView(user, momentOf(Date.now()), entries).context).toMatchObject([
    { key: 'a', value: 'text', updated_at: entries[0]?.updated_at.toISOString() },
    { key: 'cart' },
  ]);
  expect(userView(user, momentOf(Date.now()))).not.toHaveProperty('context');
  expect(await deleteContextEntry(db.pool, { ...who, key: 'a' })).toEqual({ deleted: true });
  expect(await deleteContextEntry(db.pool, { ...who, key: 'a' })).toEqual({ deleted: false });
  expect(await listContextEntries(db.pool, who)).toHaveLength(1);
});

it('takes 16,384 bytes and refuses one more, with the name of the limit, and the old value stays', async () => {
  const who = await person();
  const fits = 'é'.repeat((16_384 - 2) / 2);
  await setContextEntry(db.pool, { ...who, key: 'big', value: fits });
  const call = { ...who, key: 'big', value: `${fits}x` };
  expect(await codesOf(() => setContextEntry(db.pool, call))).toEqual(['context_entry_too_large']);
  expect((await listContextEntries(db.pool, who))[0]?.value).toBe(fits);
});

it('of 80 new entries at once 64 get in, and one that is there can still be replaced', async () => {
  const who = await person();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 80 }, (_, i) => setContextEntry(db.pool, { ...who, key: `k${i}`, value: i })),
  );
  const refused = outcomes.flatMap((outcome) => {
    const reason: unknown = outcome.status === 'rejected' ? outcome.reason : null;
    return reason === null ? [] : [reason];
  });
  expect(refused).toHaveLength(16);
  for (const error of refused) expect(error).toMatchObject({ code: 'too_many_context_entries' });
  const entries = await listContextEntries(db.pool, who);
  expect(entries).toHaveLength(64);
  await setContextEntry(db.pool, { ...who, key: entries[0]?.key ?? '', value: 'new' });
});

it('refuses a person who is not there, a bad key and what is not JSON', async () => {
  const who = await person();
  const set = (more: object) =>
    codesOf(() => setContextEntry(db.pool, { ...who, key: 'k', value: 1, ...more }));
  expect(await set({ userId: 'nobody' })).toEqual(['no_such_user']);
  expect(await set({ key: '', value: Number.NaN })).toEqual(['bad_label', 'trait_bad_number']);
  expect(await set({ value: undefined })).toEqual(['trait_not_json']);
  expect(await set({ value: new Date() })).toEqual(['trait_not_json']);
  expect(await set({ value: 'a\u0000' })).toEqual(['trait_bad_text']);
  expect(await listContextEntries(db.pool, { ...who, userId: '\u0000' })).toEqual([]);
});
