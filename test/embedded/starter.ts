/**
 * A program of its own that starts the servers of a data folder, prints their addresses as one JSON line and then waits to
 * be ended: `starter FOLDER [postgres] [redis]`. A line on its standard input makes it stop properly.
 */
import { once } from 'node:events';
import { startEmbedded } from '../../src/embedded/index.js';
import { MusterError } from '../../src/errors/index.js';

const [dataDir = '', ...servers] = process.argv.slice(2);
try {
  const embedded = await startEmbedded({
    dataDir,
    postgres: servers.includes('postgres'),
    redis: servers.includes('redis'),
  });
  process.stdout.write(`${JSON.stringify(embedded)}\n`);
  await once(process.stdin, 'data');
  await embedded.stop();
  process.exit(0);
} catch (error) {
  if (!(error instanceof MusterError)) throw error;
  process.stdout.write(`${JSON.stringify(error.toBody())}\n`);
  process.exit(error.exit);
}
