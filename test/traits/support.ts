import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { expect } from 'vitest';
import { MusterError } from '../../src/errors/index.js';
import type { Problem } from '../../src/errors/index.js';
import { afterFile } from '../support/cleanup.js';

export interface OutboxRow {
  readonly kind: string;
  readonly end_user_id: string;
  readonly user_id: string;
  readonly payload: { readonly fields: readonly string[] };
}

/** What the outbox holds for one workspace, in the order it was written. */
export async function outboxOf(pool: Pool, workspaceId: string): Promise<OutboxRow[]> {
  const { rows } = await pool.query<OutboxRow>(
    'SELECT kind, end_user_id, user_id, payload FROM outbox WHERE workspace_id = $1 ORDER BY id',
    [workspaceId],
  );
  return rows;
}

export interface PersonRow {
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly signed_up_at: Date | null;
  readonly renewal_status: string | null;
  readonly on_contract: boolean | null;
  readonly custom_fields: Record<string, unknown>;
  readonly updated_at: Date;
  readonly first_seen: Date | null;
  readonly last_seen: Date | null;
}

/** Everybody of one workspace by user id. */
export async function peopleOf(pool: Pool, workspaceId: string): Promise<PersonRow[]> {
  const { rows } = await pool.query<PersonRow>(
    `SELECT user_id, anonymous_id, name, email, signed_up_at, renewal_status, on_contract, custom_fields,
            updated_at, first_seen, last_seen
     FROM end_users WHERE workspace_id = $1 ORDER BY user_id, anonymous_id`,
    [workspaceId],
  );
  return rows;
}

/** The problems of a refusal; fails when nothing was refused. */
export async function problemsOf(work: () => unknown): Promise<readonly Problem[]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof MusterError) return error.problems;
    throw error;
  }
  return expect.fail('nothing was refused');
}

export async function codesOf(work: () => unknown): Promise<string[]> {
  return (await problemsOf(work)).map(({ code }) => code);
}

let folder: string | undefined;

/** Path of a file in a folder of this test file's own. */
export function pathOf(name: string): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'muster-test-traits-'));
    folder = made;
    afterFile(async () => {
      folder = undefined;
      rmSync(made, { recursive: true, force: true });
    });
  }
  return join(folder, name);
}

/** Writes a file to import and gives its path. */
export function fileOf(name: string, content: string | Buffer): string {
  const path = pathOf(name);
  writeFileSync(path, content);
  return path;
}
