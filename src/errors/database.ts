import type { ErrorEntry } from './table.js';

/** Refusals of `src/database`: servers that cannot be used and schemas that do not fit this code. */
export const databaseErrors = {
  database_url_invalid: {
    status: 500,
    exit: 2,
    message: 'the database address cannot be read: {reason}',
    hint: 'write DATABASE_URL as postgres://user:password@host:5432/name',
  },
  database_unreachable: {
    status: 503,
    exit: 3,
    message: 'the database at `{address}` cannot be used: {reason}',
    hint: 'check DATABASE_URL, or leave it out to use the embedded Postgres',
  },
  database_too_old: {
    status: 503,
    exit: 3,
    message: 'the database at `{address}` runs Postgres {version}, but Muster needs {needed} or later',
    hint: 'upgrade the server, or leave DATABASE_URL out to use the embedded Postgres',
  },
  database_encoding: {
    status: 503,
    exit: 3,
    message: 'the database at `{address}` is encoded in {encoding}, but Muster needs UTF8',
    hint: "create it with: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0",
  },
  database_lost: {
    status: 503,
    exit: 3,
    message: 'the database cannot be reached just now',
    hint: 'nothing was written; try again in a moment',
  },
  database_no_connection: {
    status: 503,
    exit: 3,
    message: 'all connections of this process to the database are in use',
    hint: 'nothing was written; try again in a moment. `--connections` allows more of them',
  },
  database_full_up: {
    status: 503,
    exit: 3,
    message: 'the database takes no more connections',
    hint: 'nothing was written; try again in a moment. Raise `max_connections` of Postgres, or give processes fewer `--connections`',
  },
  database_disk_full: {
    status: 503,
    exit: 3,
    message: 'the disk of the database is full',
    hint: 'nothing was written; make room on the disk of Postgres, then try again',
  },
  database_out_of_memory: {
    status: 503,
    exit: 3,
    message: 'the database has not enough memory for this',
    hint: 'nothing was written; try again in a moment, or ask for less at once',
  },
  transaction_lost: {
    status: 503,
    exit: 3,
    message: 'the transaction was rolled back by the server although nothing asked for it',
    hint: 'an earlier statement in it failed and its error was swallowed; nothing was written',
  },
  database_newer: {
    status: 503,
    exit: 2,
    message: 'the database has schema version {found}, this Muster knows versions up to {known}',
    hint: 'run the newer Muster that migrated it, or use another database',
  },
  database_changed: {
    status: 503,
    exit: 2,
    message: 'the schema of the database does not come from these migrations: {reason}',
    hint: 'restore the migration file as it was applied, and put the change into a new file',
  },
  migration_failed: {
    status: 500,
    exit: 2,
    message: 'the migration `{file}` failed: {reason}',
    hint: 'nothing was changed; the database is as it was before',
  },
  database_roles_missing: {
    status: 503,
    exit: 2,
    message: 'workspaces cannot be kept apart on this server: {reason}',
    hint: 'run `muster migrate` as a user who may create roles, or have an administrator of the server run: {sql}',
  },
  database_unguarded: {
    status: 503,
    exit: 2,
    message: 'tables lack their row-level security: {tables}',
    hint: 'run `muster migrate` as the owner of the tables, which puts it back',
  },
} as const satisfies Record<string, ErrorEntry>;
