import { pause } from '../../../src/embedded/processes.js';
import type { Fault } from './fault.js';

const modes = [
  ['accepts, hangs', 'hang', 1],
  ['accepts, resets', 'reset', 2],
  ['accepts, says 500', 'error_after_accept', 2],
  ['429 with Retry-After', 'refuse', 1],
  ['slow', 'slow', 1],
] as const;

export const providerFaults: readonly Fault[] = modes.map(([name, kind, weight]) => ({
  name: `provider ${name}`,
  place: 'provider',
  weight,
  async inject({ oracle }, random) {
    await oracle.setMode({ kind, share: random.int(2, 10) / 10 });
    await pause(random.int(300, 1200));
    await oracle.setMode({ kind: 'ok' });
    return true;
  },
}));
