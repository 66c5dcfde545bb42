import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  launchBroadcast,
  listRecipients,
  previewBroadcast,
  reportBroadcast,
  saveBroadcast,
} from '../../../src/automation/index.js';
import type { Recipient } from '../../../src/automation/index.js';
import { backfillUser, eraseUser, suppress, unsubscribe } from '../../../src/traits/index.js';
import { programFile } from '../../support/programs.js';
import { queueName, until, useAutomation } from '../support.js';
import { addPeople, addWorkspace, broadcastOf, workspace } from './support.js';

const fixture = useAutomation();
const children: ChildProcess[] = [];

beforeEach(async () => addWorkspace(fixture().pool));
afterEach(async () => {
  await Promise.all(children.splice(0).map(kill));
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

interface Seen {
  readonly delivery: string;
  readonly user: string;
  readonly text: string;
}

/** Starts a worker; every message that it hands over is heard, also the last ones before it dies. */
function startWorker(queue: string, hear: (seen: Seen) => void): ChildProcess {
  const { databaseUrl, redis } = fixture();
  const script = programFile('test/automation/broadcasts/crowd-child');
  const child = spawn(process.execPath, [script, databaseUrl, redis.url, queue], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message: unknown = JSON.parse(line);
    if (isSeen(message)) hear(message);
  });
  return child;
}

function isSeen(message: unknown): message is Seen {
  return typeof message === 'object' && message !== null && 'delivery' in message;
}

test('while people unsubscribe, are erased, leave the audience and move, and a worker dies, the launch is what the provider saw and the skips', async () => {
  const { pool } = fixture();
  const count = 1500;
  const crowd = Array.from({ length: count }, (_, index) => ({
    userId: `u${index}`,
    name: `Person ${index}`,
    custom: { plan: 'pro', timezone: 'Europe/Berlin' },
  }));
  await addPeople(pool, crowd);
  for (let index = 0; index < 30; index += 1)
    await suppress(pool, { workspaceId: workspace, userId: `u${index}` });
  const audience = { '==': [{ var: 'custom:plan' }, 'pro'] };
  const quiet = { quiet_hours: { from: '00:00', to: '00:01', zone: 'person' } };
  await saveBroadcast(pool, workspace, broadcastOf('crowd', { audience, ...quiet }));
  const shown = await previewBroadcast(pool, workspace, 'crowd');

  const seen: Seen[] = [];
  const queue = queueName();
  const first = startWorker(queue, (message) => void seen.push(message));
  const sums: number[] = [];
  const launching = launchBroadcast(pool, workspace, 'crowd');
  const changes = (async () => {
    const { breakdown } = await launching;
    for (let index = 30; index < 1500; index += 10) {
      const whom = { workspaceId: workspace, userId: `u${index}` };
      await unsubscribe(pool, whom);
      await eraseUser(pool, { workspaceId: workspace, userId: `u${index + 1}` });
      await backfillUser(pool, {
        workspaceId: workspace,
        userId: `u${index + 2}`,
        traits: { plan: 'free' },
      });
      await backfillUser(pool, {
        workspaceId: workspace,
        userId: `u${index + 3}`,
        traits: { timezone: 'Asia/Tokyo' },
      });
      if (index % 100 === 30) {
        const { progress } = await reportBroadcast(pool, workspace, 'crowd');
        const { recipients, sent, pending, skipped, failed, unknown } = progress;
        sums.push(recipients - (sent + pending + skipped + failed + unknown));
      }
    }
    return breakdown;
  })();
  await until('some were sent to', () => seen.length > 150, 60_000);
  await kill(first);
  startWorker(queue, (message) => void seen.push(message));
  const breakdown = await changes;
  await until(
    'everybody is through',
    async () => (await reportBroadcast(pool, workspace, 'crowd')).state === 'completed',
    60_000,
  );

  const report = await reportBroadcast(pool, workspace, 'crowd');
  expect(sums).toEqual(sums.map(() => 0));
  expect(breakdown).toMatchObject({ matched: shown.matched, to_send: shown.to_send, suppressed: 30 });
  const recipients: Recipient[] = [];
  for (let after: string | undefined = ''; after !== undefined;) {
    const page: Awaited<ReturnType<typeof listRecipients>> = await listRecipients(pool, workspace, 'crowd', {
      limit: 1000,
      ...(after === '' ? {} : { after }),
    });
    recipients.push(...page.recipients);
    after = page.next ?? undefined;
  }
  const { progress, skipped } = report;
  expect(progress.sent + progress.unknown + (progress.skipped - 30)).toBe(breakdown.to_send);
  expect([progress.pending, progress.failed]).toEqual([0, 0]);
  expect(Object.keys(skipped).toSorted()).toEqual(['deleted', 'suppressed']);

  const keys = new Set(seen.map(({ delivery }) => delivery));
  const bySent = new Set(recipients.filter(({ state }) => state === 'sent').map(({ delivery }) => delivery));
  expect([...bySent].filter((key) => !keys.has(key))).toEqual([]);
  // Whom the provider saw was sent to; who unsubscribed or was erased between the call of the dead worker and its repeat is
  // unknown, and nobody else.
  const lost = recipients.filter(({ state }) => state === 'unknown');
  const unknown = new Set(lost.map(({ delivery }) => delivery));
  expect([...keys].filter((key) => !bySent.has(key) && !unknown.has(key))).toEqual([]);
  expect(lost.filter(({ user_id: user }) => user !== null && !user.endsWith('0'))).toEqual([]);
  // A repeat carries the same key and the same content.
  expect(new Set(seen.map(({ delivery, text }) => `${delivery} ${text}`)).size).toBe(keys.size);
  // Who left the audience or moved was in the number, and is sent to.
  const states = new Map(recipients.map(({ user_id: user, state }) => [user, state]));
  for (let index = 30; index < 1500; index += 10)
    expect([states.get(`u${index + 2}`), states.get(`u${index + 3}`)]).toEqual(['sent', 'sent']);
});
