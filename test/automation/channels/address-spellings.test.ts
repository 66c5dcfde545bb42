import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import {
  launchBroadcast,
  pauseBroadcast,
  previewBroadcast,
  readFeedback,
  reportBroadcast,
  resumeBroadcast,
  saveBroadcast,
  saveSeries,
  takeFeedback,
} from '../../../src/automation/index.js';
import type { Pool } from '../../../src/database/pool.js';
import {
  eraseUser,
  identify,
  isSuppressed,
  suppress,
  track,
  unsubscribe,
} from '../../../src/traits/index.js';
import { addOptOutsFromFile } from '../../../src/traits/opt-outs-file.js';
import { addManyOptOuts } from '../../../src/traits/opt-outs.js';
import { stepsOf } from '../inside.js';
import { useAutomation, workspace } from '../support.js';
import { installationMail, startMailServer } from './mail-server.js';

const fixture = useAutomation();
const workspaceId = workspace;
const message = { title: 'Hello', text: 'Hello' };

// One mailbox, as it may be written; the last two are other mailboxes.
const spellings = ['x@münchen.de', 'X@MÜNCHEN.de', ' x@xn--mnchen-3ya.de', 'X@XN--MNCHEN-3YA.DE'] as const;
const others = ['x@muenchen.de', 'y@münchen.de'] as const;

beforeEach(async () => {
  await fixture().pool.query(
    'INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING',
    [workspace],
  );
});

function listFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'muster-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'list.csv');
  writeFileSync(file, text);
  return file;
}

const ways: Record<string, (pool: Pool, email: string) => Promise<unknown>> = {
  'a suppression': (pool, email) => suppress(pool, { workspaceId, email }),
  'an unsubscribe': (pool, email) => unsubscribe(pool, { workspaceId, email }),
  'an erasure of somebody who may not be sent to': async (pool, email) => {
    await identify(pool, { workspaceId, userId: 'gone', traits: { email } });
    await eraseUser(pool, { workspaceId, userId: 'gone', suppress: true });
  },
  'a list in one call': (pool, email) =>
    addManyOptOuts(pool, { workspaceId, list: 'unsubscribes', entries: [{ email }] }),
  'a file': (pool, email) =>
    addOptOutsFromFile(pool, { workspaceId, list: 'suppressions', file: listFile(`email\n${email}\n`) }),
  "a provider's bounce": (pool, email) =>
    takeFeedback(
      pool,
      workspaceId,
      readFeedback({ events: [{ type: 'hard_bounce', email, message_id: '<other@example.com>' }] }) ?? [],
    ),
};

test.each(Object.keys(ways))('%s holds for a mailbox however its domain is written', async (way) => {
  const { pool } = fixture();
  for (const written of spellings) {
    await pool.query('TRUNCATE suppressions, unsubscribes, email_feedback');
    await ways[way]?.(pool, written);
    const holds = await Promise.all(
      [...spellings, ...others].map((email) => isSuppressed(pool, { workspaceId, email })),
    );
    expect([written, holds]).toEqual([written, [true, true, true, true, false, false]]);
  }
});

test('a preview, a launch, the entrance of a series and what is about to be sent go by the mailbox', async () => {
  const { pool, start } = fixture();
  const server = await startMailServer({});
  const email = installationMail(server.port);
  const everybody = [...spellings, ...others];
  for (const [index, address] of everybody.entries())
    await identify(pool, { workspaceId, userId: `p${index}`, traits: { email: address } });
  const news = { key: 'news', name: 'News', audience: { everyone: true }, channel: 'email', message };
  for (const key of ['before', 'meanwhile'])
    await saveBroadcast(pool, workspace, { ...news, key }, { email });
  const trigger = { type: 'event', event: 'go' };
  const send = { type: 'send', key: 'hello', channel: 'email', message };
  await saveSeries(pool, workspace, stepsOf('series', [send], { trigger }), { email });
  expect(await previewBroadcast(pool, workspace, 'before')).toMatchObject({ will_send: 6, suppressed: 0 });
  await saveBroadcast(pool, workspace, { ...news, key: 'once', dedupe: 'address' }, { email });
  expect(await previewBroadcast(pool, workspace, 'once')).toMatchObject({ will_send: 3, duplicate: 3 });

  // Launched before the wish came, and sent after it.
  await launchBroadcast(pool, workspace, 'meanwhile');
  await pauseBroadcast(pool, workspace, 'meanwhile');
  await unsubscribe(pool, { workspaceId, email: spellings[0] });
  await resumeBroadcast(pool, workspace, 'meanwhile');
  expect(await previewBroadcast(pool, workspace, 'before')).toMatchObject({ will_send: 2, suppressed: 4 });
  await launchBroadcast(pool, workspace, 'before');
  const automation = await start({ email: { installation: email } });
  for (const index of everybody.keys()) await track(pool, { workspaceId, userId: `p${index}`, event: 'go' });
  await automation.idle();
  expect((await reportBroadcast(pool, workspace, 'meanwhile')).progress).toMatchObject({
    sent: 2,
    skipped: 4,
  });
  expect((await reportBroadcast(pool, workspace, 'before')).progress).toMatchObject({ sent: 2, skipped: 4 });
  expect(server.mails.flatMap(({ to }) => to).toSorted()).toEqual(
    ['x@muenchen.de', 'y@münchen.de'].flatMap((address) => [address, address, address]),
  );
});
