import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { copySources } from './older.js';
import { runChaos, startChaosServers } from './chaos.js';
import type { ChaosResult } from './chaos.js';
import { guards, textWithout } from './guard-list.js';
import type { Guard } from './guard-list.js';
import type { Law } from './laws/breach.js';
import { examplesOf } from './report.js';

/**
 * The guards are real: each is taken out of a copy of the sources, and chaos that aims at it runs on the copy's workers
 * until a law breaks. `npm run chaos:guards [-- --seed 1 --seeds 5 --only NAME --whole]`. With `--whole` the same chaos runs on
 * the sources as they are, where nothing may break. Exit code 1 where a guard was not missed.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '5' },
    only: { type: 'string', multiple: true },
    whole: { type: 'boolean', default: false },
  },
});

interface Verdict {
  readonly guard: string;
  /** The first seed that broke, with the laws that it broke; null where none did. */
  readonly broken: { readonly seed: number; readonly laws: readonly Law[]; readonly seconds: number } | null;
}

/** The sources and the programs of the children, without one guard. */
function withoutGuard(guard: Guard): string {
  const root = mkdtempSync(join(tmpdir(), 'muster-mutant-'));
  copySources(root);
  if (values.whole) return root;
  for (const edit of guard.edits) writeFileSync(join(root, edit.file), textWithout(edit, root));
  return root;
}

async function test(guard: Guard): Promise<Verdict> {
  const root = withoutGuard(guard);
  const servers = await startChaosServers({ root });
  try {
    const first = Number(values.seed);
    for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
      const result: ChaosResult = await runChaos(servers, { ...guard.chaos, seed });
      if (result.breaches.length === 0) continue;
      process.stderr.write(`${guard.name}, seed ${seed}:\n${examplesOf(result.breaches, 2)}`);
      const laws = [...new Set(result.breaches.map(({ law }) => law))];
      return { guard: guard.name, broken: { seed, laws, seconds: Math.round(result.seconds) } };
    }
    return { guard: guard.name, broken: null };
  } finally {
    await servers.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

for (const guard of guards.filter(({ name }) => values.only?.includes(name) ?? true)) {
  const { broken } = await test(guard);
  const found =
    broken === null
      ? `nothing broke in ${values.seeds} seeds`
      : `broke ${broken.laws.join(', ')} with seed ${broken.seed}`;
  process.stdout.write(`${values.whole ? 'with' : 'without'} the ${guard.name}: ${found}\n`);
  if ((broken === null) !== values.whole) process.exitCode = 1;
}
