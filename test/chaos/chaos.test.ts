import { afterAll, beforeAll, expect, test } from 'vitest';
import { runChaos, startChaosServers } from './chaos.js';
import type { ChaosServers } from './chaos.js';
import { command, examplesOf, faultsOf } from './report.js';

let servers: ChaosServers | undefined;

beforeAll(async () => {
  servers = await startChaosServers();
}, 300_000);

afterAll(async () => {
  await servers?.stop();
}, 120_000);

/** The long run is `npm run chaos`; this one is short, and its bounds are far beyond what it needs. */
const shape = { faults: 12, sends: 300, workers: 2 };

test.each([1, 2])(
  'with processes killed, servers crashed and connections cut, nothing is lost, repeated under another key or stuck (seed %i)',
  async (seed) => {
    if (servers === undefined) throw new Error('the servers are there only inside tests');
    const result = await runChaos(servers, { ...shape, seed, pace: 500 });
    expect(result.breaches, `${command(seed, shape)}\n${examplesOf(result.breaches)}`).toEqual([]);
    expect(result.sends).toBeGreaterThan(result.people);
    expect(faultsOf(result)).toBeGreaterThan(shape.faults / 2);
  },
  600_000,
);
