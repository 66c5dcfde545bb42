import type { Automation } from '../automation/index.js';
import { NotReady } from './routes/health.js';
import type { ReadyCheck } from './routes/health.js';

/** Milliseconds after which a canary that has not come back, or a loop that has not ended well, is a finding. */
const old = 30_000;

/**
 * What `/readyz` asks of a process that works: Redis answers, jobs come through to a worker (not just a ping), and no loop
 * of this process stands still.
 */
export function automationChecks(
  automation: Pick<Automation, 'health'>,
): Readonly<Record<string, ReadyCheck>> {
  return {
    redis: async () => {
      if ((await automation.health()).redis === 'away') throw new Error('no answer');
    },
    canary: async () => {
      const { canaryAgeMs } = await automation.health();
      if (canaryAgeMs === null) throw new NotReady('has not come back yet');
      if (canaryAgeMs > old) throw new NotReady(`came back ${Math.round(canaryAgeMs / 1000)} s ago`);
    },
    loops: async () => {
      const { loops } = await automation.health();
      const still = Object.entries(loops).filter(([, age]) => age > old);
      if (still.length > 0) throw new NotReady(`stand still: ${still.map(([name]) => name).join(', ')}`);
    },
  };
}
