import { rmSync } from 'node:fs';
import { Client } from 'pg';
import { startPostgres } from '../../src/embedded/index.js';
import { freePort } from '../../src/embedded/ports.js';
import { gone, pause } from '../../src/embedded/processes.js';
import { administer, buildTemplate, createDatabase, databaseUrl } from '../support/template.js';

/** A Postgres of the rig's own, which may be crashed. */
export interface ChaosPostgres {
  readonly port: number;
  /** A migrated, empty database; answers its address. */
  newDatabase(name: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** `pg_ctl stop -m immediate`, and after `down` milliseconds a start with recovery. */
  crash(down: () => Promise<void>): Promise<void>;
  /** Waits until it answers, and starts it where it gave itself up, as it does when a recovery finds no room. */
  revive(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Durable as in production: a commit that was answered must be there after a crash, else a loss would be nobody's fault.
 */
const settings = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '64MB',
  max_connections: '100',
  // A crash is followed by a quick recovery.
  checkpoint_timeout: '30s',
  // What a dead connection holds must not be held for minutes.
  tcp_keepalives_idle: '5',
};

export async function startChaosPostgres(dataDir: string): Promise<ChaosPostgres> {
  const port = await freePort();
  const start = async (): Promise<Awaited<ReturnType<typeof startPostgres>>> =>
    startPostgres({ dataDir, settings, pickPort: () => Promise.resolve(port) });
  let running = await start();
  const { url } = running;
  const template = await buildTemplate(url);
  return {
    port,
    async newDatabase(name) {
      await administer(url, (client) => createDatabase(client, name, template));
      return databaseUrl(url, name);
    },
    async dropDatabase(name) {
      await administer(url, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
    async crash(down) {
      process.kill(running.pid, 'SIGQUIT');
      if (!(await gone(running.pid, 20_000))) throw new Error('Postgres did not stop at once');
      await running.stop();
      await down();
      running = await start();
    },
    async revive() {
      const deadline = Date.now() + 60_000;
      while (Date.now() < deadline) {
        if (await gone(running.pid, 0)) {
          await running.stop();
          running = await start();
        }
        if (await answers(url)) return;
        await pause(50);
      }
      throw new Error('Postgres did not come back within a minute');
    },
    async stop() {
      await running.stop();
      rmSync(running.data, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  return ask(url, 'SELECT 1').then(
    () => true,
    () => false,
  );
}

/** One statement on a connection of its own, straight to the server. */
export async function ask<Row extends object>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<Row>(text, [...values]);
    return rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
