import { startAutomation } from '../../../src/automation/index.js';
import { openPool } from '../../../src/database/pool.js';

// A worker in a process of its own, for a test to kill. What it hands to the channel goes to the test, which stands for the
// provider and outlives it.
const [databaseUrl = '', redisUrl = '', queue = ''] = process.argv.slice(2);
const pool = await openPool(databaseUrl);
await startAutomation({
  pool,
  redisUrl,
  queue,
  lease: 1000,
  sweepEvery: 100,
  concurrency: 20,
  logSink: async ({ delivery, user, text }) => {
    process.stdout.write(`${JSON.stringify({ delivery, user, text })}\n`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  },
});
process.stdout.write('"ready"\n');
