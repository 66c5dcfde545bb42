import { pause } from '../../../src/embedded/processes.js';
import { ask } from '../postgres.js';
import type { Fault } from './fault.js';

/** Sessions of the workers and of the customers' service, not of the rig. */
const victims = `
  SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'chaos-%' ORDER BY pid`;

const lockable = ['work', 'outbox', 'enrollments', 'deliveries', 'end_users', 'series'];

const faults: readonly Omit<Fault, 'place'>[] = [
  {
    name: 'sessions terminated',
    weight: 3,
    async inject({ databaseUrl }) {
      const rows = await ask(databaseUrl, `SELECT pg_terminate_backend(pid) FROM (${victims}) AS victim`);
      return rows.length > 0;
    },
  },
  {
    name: 'backend killed',
    // The postmaster then ends every session and recovers.
    async inject({ databaseUrl }, random) {
      const rows = await ask<{ pid: number }>(databaseUrl, victims);
      if (rows.length === 0) return false;
      try {
        process.kill(random.pick(rows).pid, 'SIGKILL');
      } catch {
        return false;
      }
      await answering(databaseUrl);
      return true;
    },
  },
  {
    name: 'postgres crashed',
    weight: 2,
    async inject({ postgres, databaseUrl }, random) {
      await postgres.crash(() => pause(random.int(0, 1000)));
      await answering(databaseUrl);
      return true;
    },
  },
  {
    name: 'disk full',
    needs: 'volume',
    weight: 2,
    async inject({ postgres, volume }, random) {
      if (volume === null) return false;
      try {
        await volume.fill();
        await pause(random.int(300, 1500));
      } finally {
        volume.free();
      }
      await postgres.revive();
      return true;
    },
  },
  {
    name: 'table locked',
    weight: 2,
    async inject({ databaseUrl }, random) {
      const seconds = random.int(200, 1200) / 1000;
      // One message with several statements is one transaction, whose end frees the table.
      const text = `SET LOCAL lock_timeout = '2s'; LOCK TABLE ${random.pick(lockable)} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(${seconds})`;
      return ask(databaseUrl, text).then(
        () => true,
        () => false,
      );
    },
  },
  {
    name: 'postgres connections reset',
    weight: 2,
    async inject({ postgresProxy }) {
      return postgresProxy.reset() > 0;
    },
  },
  {
    name: 'postgres half-open',
    async inject({ postgresProxy }, random) {
      const heal = postgresProxy.halfOpen(random.chance(0.5));
      await pause(random.int(500, 3000));
      heal();
      return true;
    },
  },
  {
    name: 'postgres slow',
    async inject({ postgresProxy }, random) {
      postgresProxy.setFlow(
        random.chance(0.5) ? { kind: 'latency', ms: random.int(20, 200) } : { kind: 'trickle' },
      );
      await pause(random.int(500, 1500));
      postgresProxy.setFlow({ kind: 'pass' });
      return true;
    },
  },
];

async function answering(databaseUrl: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await ask(databaseUrl, 'SELECT 1');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await pause(50);
    }
  }
}

export const postgresFaults: readonly Fault[] = faults.map((fault) => ({ ...fault, place: 'postgres' }));
