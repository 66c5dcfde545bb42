import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { TestProject } from 'vitest/node';
import { findRedis, startPostgres } from '../../src/embedded/index.js';
import type { RedisProgram } from '../../src/embedded/index.js';
import { buildPrograms } from './build-programs.js';
import { administer, buildTemplate } from './template.js';

export interface TestServers {
  /** Administrative address: a role that may create databases. */
  readonly databaseUrl: string;
  /** Migrated database that each file's own is cloned from. */
  readonly template: string;
  readonly redisUrl: string | undefined;
  /** What `testRedis` runs when no `REDIS_URL` is given. */
  readonly redisProgram: RedisProgram | undefined;
  /** Why there is neither. */
  readonly redisMissing: string | undefined;
}

declare module 'vitest' {
  interface ProvidedContext {
    servers: TestServers;
    /** Folder of the built programs. */
    programs: string;
  }
}

/** Speed in place of durability: these data are thrown away. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  shared_buffers: '64MB',
};

/** One Postgres for the run, private unless `DATABASE_URL` is given, with a migrated template; and a Redis to run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const programs = await buildPrograms();
  project.provide('programs', programs.folder);
  project.onTestsRerun(programs.rebuild);
  const databases = await databaseServer();
  const stop = async (): Promise<void> => {
    programs.remove();
    await databases.stop();
  };
  try {
    const template = await buildTemplate(databases.url);
    const redis = await redisServer();
    project.provide('servers', { databaseUrl: databases.url, template, ...redis });
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

async function databaseServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined && given !== '') return { url: given, stop: () => Promise.resolve() };
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-test-'));
  chmodSync(dataDir, 0o711);
  const postgres = await startPostgres({ dataDir, settings: SETTINGS });
  const stop = async (): Promise<void> => {
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
    rmSync(postgres.data, { recursive: true, force: true });
  };
  await cheapenPassword(postgres.url);
  return { url: postgres.url, stop };
}

/** A password is hashed 4096 times at each of the thousands of connections, to be hard to guess; once does here. */
async function cheapenPassword(url: string): Promise<void> {
  const { username, password } = new URL(url);
  await administer(url, async (server) => {
    await server.query('SET scram_iterations = 1');
    await server.query(`ALTER ROLE ${escapeIdentifier(username)} PASSWORD ${escapeLiteral(password)}`);
  });
}

/** Only files that use Redis fail where there is none. */
async function redisServer(): Promise<Pick<TestServers, 'redisUrl' | 'redisProgram' | 'redisMissing'>> {
  const redisUrl = process.env['REDIS_URL'] || undefined;
  const nothing = { redisUrl, redisProgram: undefined, redisMissing: undefined };
  if (redisUrl !== undefined) return nothing;
  try {
    return { ...nothing, redisProgram: await findRedis() };
  } catch (error) {
    return { ...nothing, redisMissing: error instanceof Error ? error.message : String(error) };
  }
}
