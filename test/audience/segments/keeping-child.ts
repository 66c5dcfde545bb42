import { setTimeout as sleep } from 'node:timers/promises';
import { segmentKeeper } from '../../../src/audience/segments/keep.js';
import { openPool } from '../../../src/database/pool.js';

/** Keeps segments at an instant, round after round, until it is killed. */
const [databaseUrl = '', now = ''] = process.argv.slice(2);
const keep = segmentKeeper(await openPool(databaseUrl), { now: () => Date.parse(now), batch: 100 });
for (;;) {
  await keep();
  await sleep(10);
}
