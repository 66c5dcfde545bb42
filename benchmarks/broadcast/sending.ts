import {
  launchBroadcast,
  reportBroadcast,
  saveBroadcast,
  startAutomation,
} from '../../src/automation/index.js';
import { clear, workspace } from '../series/servers.js';
import type { Servers } from '../series/servers.js';
import { runBare, timed } from '../series/bare.js';
import type { Measured } from '../series/bare.js';
import type { Cpu } from '../series/cpu.js';
import { median } from '../table.js';
import type { Row } from '../table.js';
import { kinds } from './kinds.js';
import { watchMemory } from './memory.js';
import type { MemorySeen } from './memory.js';
import type { BroadcastOptions } from './options.js';
import { fill } from './people.js';

const goal = 70;
const redisGoal = 100;
/** How much larger the process may be in the last tenth than in the second. */
const flat = 1.1;

const messages = {
  'the same for everybody': { text: 'Hello there' },
  'with a name in it': kinds.plain.message,
};

/**
 * A launched broadcast, sent on the log channel to a sink that does nothing, against as many jobs of BullMQ whose processor does
 * nothing, from the same Redis at the same concurrency: in turn, round by round. The broadcast waits in Postgres when the clock
 * starts, BullMQ's jobs wait in Redis.
 */
export async function sending(servers: Servers, options: BroadcastOptions): Promise<Row[]> {
  const { sends, rounds, concurrency } = options;
  const bare = 'BullMQ, no-op job';
  const names = [bare, ...Object.keys(messages)];
  const measured = new Map<string, (Measured & { memory?: MemorySeen })[]>(names.map((name) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    const queue = `bench-${round}`;
    await clear(servers);
    measured.get(bare)?.push(await runBare(servers, { steps: sends, concurrency }, queue, true));
    for (const [name, message] of Object.entries(messages)) {
      await clear(servers);
      measured.get(name)?.push(await send(servers, options, queue, message));
    }
  }
  return names.map((name) => {
    const own = measured.get(name) ?? [];
    const others = measured.get(bare) ?? [];
    const share =
      name === bare
        ? null
        : median(own.map((each, at) => (each.perSecond / (others[at]?.perSecond ?? Number.NaN)) * 100));
    const cpu = (of: keyof Cpu): number => median(own.map((each) => each.cpu[of]));
    const seen = own.flatMap(({ memory }) => (memory === undefined ? [] : [memory]));
    const growth = Math.max(0, ...seen.map(({ process }) => process.late / process.early));
    const redis = Math.max(0, ...seen.map((each) => each.redis));
    return {
      what: name,
      recipients: sends,
      'per s': Math.round(median(own.map((each) => each.perSecond))),
      '% of BullMQ': share ?? '',
      'Node us': cpu('node'),
      'Postgres us': cpu('postgres'),
      'Redis us': cpu('redis'),
      'process grew by': share === null ? '' : growth,
      'Redis MB': share === null ? '' : redis,
      goal: share === null ? '' : `>= ${goal} %, flat, < ${redisGoal} MB`,
      reached: share === null ? '' : share >= goal && growth <= flat && redis < redisGoal,
    };
  });
}

async function send(
  servers: Servers,
  { sends, concurrency }: BroadcastOptions,
  queue: string,
  message: object,
): Promise<Measured & { memory: MemorySeen }> {
  const { pool, redisUrl } = servers;
  // Nobody on the lists, so that as many are sent to as there are jobs.
  await fill(pool, sends, { lists: false });
  await pool.query('TRUNCATE broadcasts, broadcast_runs, broadcast_recipients CASCADE');
  await saveBroadcast(pool, workspace, { key: 'sent', name: 'Sent', ...kinds.plain, message });
  await launchBroadcast(pool, workspace, 'sent');
  await pool.query('VACUUM (ANALYZE) broadcast_recipients');
  await pool.query('CHECKPOINT');
  // A bit for each, which takes no memory while it runs.
  const seen = new Uint8Array(sends);
  let calls = 0;
  const memory = watchMemory(servers);
  let watched: MemorySeen | undefined;
  const found = await timed(servers, sends, async () => {
    const automation = await startAutomation({
      pool,
      redisUrl,
      queue,
      concurrency,
      canaryEvery: 3_600_000,
      logSink: ({ user }) => {
        calls += 1;
        seen[Number(user?.slice('user-'.length))] = 1;
      },
    });
    await automation.idle(1_200_000);
    return async () => {
      watched = await memory.stop();
      await automation.stop();
      const { progress, state } = await reportBroadcast(pool, workspace, 'sent');
      const reached = seen.reduce((sum, each) => sum + each, 0);
      if (calls !== sends || reached !== sends || progress.sent !== sends || state !== 'completed')
        throw new Error(`${calls} messages to ${reached} of ${sends}: ${JSON.stringify(progress)}, ${state}`);
    };
  });
  if (watched === undefined) throw new Error('nobody looked at the memory');
  return { ...found, memory: watched };
}
