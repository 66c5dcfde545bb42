import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { saveSeries } from '../../src/automation/index.js';
import { programFile } from '../support/programs.js';
import { identifyNew, queueName, recorder, seriesOf, useAutomation, workspace } from './support.js';

const fixture = useAutomation();

test('a worker killed in the middle of a send: the send is repeated with the same key, and only with it', async () => {
  const { pool, databaseUrl, redis, start } = fixture();
  const queue = queueName();
  await saveSeries(pool, workspace, seriesOf('one'));
  const script = programFile('test/automation/sending-child');
  const keys: string[] = [];
  // Twice in a row: a step that outlives two workers must not count as failed for ever.
  for (const round of [1, 2]) {
    const child = spawn(process.execPath, [script, databaseUrl, redis.url, queue], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'ready' && round === 1) await identifyNew(pool, 'u1');
      const key = /^sending (.+)$/.exec(line)?.[1];
      if (key === undefined) continue;
      keys.push(key);
      child.kill('SIGKILL');
      break;
    }
    await ended;
  }
  const { lines, sink } = recorder();
  const automation = await start({ queue, logSink: sink, sweepEvery: 100 });
  await automation.idle();
  expect(lines).toHaveLength(1);
  expect(new Set([...keys, ...lines.map((line) => line.delivery)]).size).toBe(1);
  const { rows } = await pool.query('SELECT state, attempts FROM deliveries');
  expect(rows).toEqual([{ state: 'delivered', attempts: 3 }]);
});
