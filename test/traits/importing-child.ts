import { openPool } from '../../src/database/pool.js';
import { importUsers } from '../../src/traits/index.js';

// A process of its own that imports a file and says how far it is, so that a test can kill it in the middle.
const [databaseUrl = '', workspaceId = '', source = ''] = process.argv.slice(2);
const pool = await openPool(databaseUrl);
await importUsers(pool, {
  workspaceId,
  source,
  fireTriggers: true,
  onProgress: (phase, done, total) => {
    process.stdout.write(`${phase} ${done} ${total}\n`);
  },
});
process.stdout.write('finished\n');
await pool.end();
