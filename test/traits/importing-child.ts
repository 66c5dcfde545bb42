import { openPool } from '../../src/database/pool.js';
import { importUsers } from '../../src/traits/index.js';

// A process of its own that imports a file and dies in the middle of it, where this share of it is loaded.
const [databaseUrl = '', workspaceId = '', source = '', share = ''] = process.argv.slice(2);
const pool = await openPool(databaseUrl);
await importUsers(pool, {
  workspaceId,
  source,
  fireTriggers: true,
  onProgress: (phase, done, total) => {
    if (phase === 'loading' && done > Number(share) * total) process.kill(process.pid, 'SIGKILL');
  },
});
await pool.end();
