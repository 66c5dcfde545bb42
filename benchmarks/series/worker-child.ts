import { setTimeout as sleep } from 'node:timers/promises';
import { startAutomation } from '../../src/automation/index.js';
import { openPool } from '../../src/database/pool.js';
import { instantChannel } from './people.js';

// A worker that says now and then how much it has sent, and goes on until it is killed.
const [databaseUrl = '', redisUrl = '', queue = '', providerTakes] = process.argv.slice(2);
const pool = await openPool(databaseUrl);
let sent = 0;
const channel = instantChannel(async () => {
  await sleep(Number(providerTakes));
  sent += 1;
  if (sent % 100 === 0) process.send?.(sent);
});
await startAutomation({ pool, redisUrl, queue, channels: [channel] });
process.send?.(sent);
