import { openPool } from '../../../src/database/pool.js';
import { Clock, scheduler, settle } from './support.js';

// A process of its own that makes runs and says so after each stretch, so that a test can kill it in the middle.
const [databaseUrl = '', now = ''] = process.argv.slice(2);
const pool = await openPool(databaseUrl);
const round = scheduler(pool, new Clock(now), {
  lease: 500,
  onWork: () => process.stdout.write('stretch\n'),
});
await settle(round);
await pool.end();
