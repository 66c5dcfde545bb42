import { exampleSeries, loadSeries, saveSeries, startAutomation } from '../../src/automation/index.js';
import { openPool } from '../../src/database/pool.js';
import { buildServer } from '../../src/server/build.js';
import { sharedNow } from './clock.js';
import { workspace } from './servers.js';

/** What the service tells: that it listens, and in the end when each person's first message was delivered. */
export type Told =
  | { readonly kind: 'listening'; readonly url: string }
  | { readonly kind: 'delivered'; readonly times: readonly (readonly [user: string, at: number])[] };

// The API and the automation in one process, as `muster start` runs them, with the welcome series that ships with Muster.
const [databaseUrl = '', redisUrl = ''] = process.argv.slice(2);
const pool = await openPool(databaseUrl);
const { source } = await loadSeries(exampleSeries.welcome);
await saveSeries(pool, workspace, source);
const times: [string, number][] = [];
const automation = await startAutomation({
  pool,
  redisUrl,
  logSink: ({ user }) => void times.push([user ?? '', sharedNow()]),
});
const server = await buildServer({
  pool,
  redisUrl,
  rateLimit: { calls: 1e9, seconds: 10 },
  onFact: () => automation.nudge(),
});
const tell = (told: Told): void => void process.send?.(told);
tell({ kind: 'listening', url: await server.listen({ port: 0, host: '127.0.0.1' }) });
process.once('message', () => {
  void (async () => {
    await automation.idle(120_000);
    tell({ kind: 'delivered', times });
    await server.close();
    await automation.stop();
    await pool.end();
    process.disconnect();
  })();
});
