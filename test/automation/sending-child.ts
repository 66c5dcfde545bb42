import { openPool } from '../../src/database/pool.js';
import { startAutomation } from '../../src/automation/index.js';

// A process of its own that begins to send and never comes back from it, so that a test can kill it there.
const [databaseUrl = '', redisUrl = '', queue = ''] = process.argv.slice(2);
const pool = await openPool(databaseUrl);
await startAutomation({
  pool,
  redisUrl,
  queue,
  lease: 1000,
  logSink: async ({ delivery }) => {
    process.stdout.write(`sending ${delivery}\n`);
    await new Promise(() => {});
  },
});
process.stdout.write('ready\n');
