import { openPool } from '../../src/database/pool.js';
import { buildServer } from '../../src/server/build.js';

// The API in a process of its own, so that a test can kill it. It says where it listens, and ends with its parent.
process.stdin.on('end', () => process.exit()).resume();
async function serve(databaseUrl: string): Promise<void> {
  // Fewer connections than calls at once: some calls always wait inside the process, where a kill finds them.
  const pool = await openPool(databaseUrl, { max: 3 });
  const server = await buildServer({ pool });
  process.stdout.write(`${await server.listen({ port: 0, host: '127.0.0.1' })}\n`);
}
void serve(process.argv[2] ?? '');
