import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { migrate } from '../src/database/migrate.js';
import { openPool } from '../src/database/pool.js';
import type { Pool } from '../src/database/pool.js';
import { startEmbedded } from '../src/embedded/index.js';
import { identify } from '../src/traits/identify.js';
import { median, printTable } from './table.js';

/**
 * What the bounds of a person cost. First identify of usual people (12 traits, one of which changes) with the triggers that
 * hold the bounds and without them, in turn. Then identify of 20 usual people, one call at a time each, while four
 * callers change a trait of one person without pause: one who has the maximum, and in turn a usual one. Ratios within one run.
 */
const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '9' },
    json: { type: 'boolean', default: false },
  },
});
const calls = Number(options.calls);
const rounds = Number(options.rounds);
const workspaceId = 'bench';
const lanes = 4;
const others = 20;

const usual = Object.fromEntries(
  Array.from({ length: 12 }, (_, index) => [`trait_${index}`, `value ${index}`]),
);
/** With the trait that is changed 1,000 custom traits of 121 KiB. A call takes a fifth of them. */
const full = Array.from({ length: 5 }, (_, part) =>
  Object.fromEntries(
    Array.from({ length: part === 0 ? 199 : 200 }, (__, index) => [`full_${part}_${index}`, 'x'.repeat(108)]),
  ),
);

let turn = 0;
/** Microseconds a call. */
async function timed(pool: Pool, many: number): Promise<number> {
  const from = performance.now();
  let left = many;
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (; left > 0; left -= 1) {
        turn += 1;
        await identify(pool, {
          workspaceId,
          userId: `u${turn % others}`,
          traits: { ...usual, trait_0: turn },
        });
      }
    }),
  );
  return ((performance.now() - from) * 1000) / many;
}

/** While somebody is called about without pause; gives the calls about them too. */
async function beside(pool: Pool, userId: string): Promise<{ other: number; own: number }> {
  const until = new AbortController();
  let own = 0;
  const busy = Array.from({ length: lanes }, async (_, lane) => {
    for (; !until.signal.aborted; own += 1)
      await identify(pool, { workspaceId, userId: `${userId}${lane}`, traits: { trait_0: own } });
  });
  const from = performance.now();
  const other = await timed(pool, calls);
  const elapsed = performance.now() - from;
  until.abort();
  await Promise.all(busy);
  return { other, own: (own * 1000) / elapsed };
}

const dataDir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
const servers = await startEmbedded({ dataDir, postgres: true, redis: false });
const pool = await openPool(servers.databaseUrl ?? '');
try {
  await migrate(pool);
  await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)', [workspaceId]);
  for (let lane = 0; lane < lanes; lane += 1) {
    for (const traits of full) await identify(pool, { workspaceId, userId: `full${lane}`, traits });
    await identify(pool, { workspaceId, userId: `usual${lane}`, traits: usual });
  }
  await timed(pool, calls);
  const times = { with: new Array<number>(), without: new Array<number>() };
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
      const word = side === 'with' ? 'ENABLE' : 'DISABLE';
      for (const trigger of ['insert', 'update']) {
        await pool.query(`ALTER TABLE end_users ${word} TRIGGER end_users_bounds_${trigger}`);
      }
      times[side].push(await timed(pool, calls));
    }
  }
  await pool.query('ALTER TABLE end_users ENABLE TRIGGER end_users_bounds_insert');
  await pool.query('ALTER TABLE end_users ENABLE TRIGGER end_users_bounds_update');
  const ratios = times.with.map((each, round) => each / (times.without[round] ?? Number.NaN));
  printTable(
    `identify of usual people, ${rounds} rounds of ${calls}`,
    [
      {
        '': 'identify',
        'with triggers µs': Math.round(median(times.with)),
        'without µs': Math.round(median(times.without)),
        'with / without': median(ratios),
      },
    ],
    options.json,
  );
  const found = {
    full: new Array<{ other: number; own: number }>(),
    usual: new Array<{ other: number; own: number }>(),
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const who of round % 2 === 0 ? (['full', 'usual'] as const) : (['usual', 'full'] as const)) {
      found[who].push(await beside(pool, who));
    }
  }
  printTable(
    `identify of ${others} usual people beside ${lanes} callers without pause`,
    (['usual', 'full'] as const).map((who) => ({
      'beside calls about': who === 'full' ? 'people with the maximum' : 'usual people',
      'others µs': Math.round(median(found[who].map(({ other }) => other))),
      'their own calls a second': Math.round(median(found[who].map(({ own }) => own))),
    })),
    options.json,
  );
} finally {
  await pool.end();
  await servers.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
