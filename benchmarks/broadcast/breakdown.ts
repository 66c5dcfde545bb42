import { inSnapshot } from '../../src/audience/people.js';
import { previewBroadcast, saveBroadcast } from '../../src/automation/index.js';
import { parseFilter } from '../../src/filter/parse.js';
import { readCpu } from '../series/cpu.js';
import { workspace } from '../series/servers.js';
import type { Servers } from '../series/servers.js';
import { median } from '../table.js';
import type { Row } from '../table.js';
import { kinds } from './kinds.js';
import type { BroadcastOptions } from './options.js';
import { expectBreakdown } from './people.js';

const goal = 2;

/** The number before a launch against the bare count of the same audience, in turn. */
export async function breakdown(servers: Servers, { people, rounds }: BroadcastOptions): Promise<Row[]> {
  const { pool } = servers;
  const rows: Row[] = [];
  const audiences = { ...kinds, 'plain, to everyone': { ...kinds.plain, audience: { everyone: true } } };
  for (const [name, parts] of Object.entries(audiences)) {
    const key = `shown-${rows.length}`;
    await saveBroadcast(pool, workspace, { key, name: key, ...parts });
    const sides = {
      count: () =>
        inSnapshot(
          pool,
          { workspaceId: workspace, moment: { now: Date.now(), zone: 'UTC' }, timeoutMs: 600_000 },
          (snapshot) => snapshot.count(parseFilter(parts.audience)),
        ),
      breakdown: async () => {
        const shown = await previewBroadcast(pool, workspace, key, { timeoutMs: 600_000 });
        expectBreakdown(shown, people);
        return shown.matched;
      },
    };
    const times = { count: [] as number[], breakdown: [] as number[] };
    const cpu = { count: [] as number[], breakdown: [] as number[] };
    // The first round warms up.
    for (let round = 0; round <= rounds; round += 1) {
      for (const side of ['count', 'breakdown'] as const) {
        const before = await readCpu(servers);
        const started = performance.now();
        const found = await sides[side]();
        const took = performance.now() - started;
        if (found !== people) throw new Error(`${found} people of ${people} in the ${side}`);
        if (round === 0) continue;
        times[side].push(took);
        cpu[side].push(((await readCpu(servers)).postgres - before.postgres) / people);
      }
    }
    const ratio = median(times.breakdown.map((each, round) => each / (times.count[round] ?? Number.NaN)));
    rows.push({
      what: name,
      people,
      'count ms': median(times.count),
      'breakdown ms': median(times.breakdown),
      'count us': median(cpu.count),
      'breakdown us': median(cpu.breakdown),
      ratio,
      goal: `<= ${goal}`,
      reached: ratio <= goal,
    });
  }
  return rows;
}
