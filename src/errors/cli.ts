import type { ErrorEntry } from './table.js';

/** Refusals of the command line (`src/cli`). */
export const cliErrors = {
  bad_usage: {
    status: 400,
    exit: 2,
    message: '{reason}',
    hint: 'see `muster {command}--help`',
  },
  bad_option: {
    status: 400,
    exit: 2,
    message: 'the option {option} cannot be `{value}`',
    hint: 'give {expected}',
  },
  filter_file_unreadable: {
    status: 400,
    exit: 2,
    message: 'cannot read the filter file `{file}`: {reason}',
    hint: 'give a preset key, a path to a JSON file, or the filter itself in single quotes',
  },
  file_not_writable: {
    status: 400,
    exit: 2,
    message: 'cannot write the file `{file}`: {reason}',
    hint: 'name a file in a folder that this account may write to, with room for it',
  },
  template_unreadable: {
    status: 400,
    exit: 2,
    message: 'cannot read the template in `{file}`: {reason}',
    hint: 'name a JSON file, or write the template itself in single quotes',
  },
  unknown_example: {
    status: 404,
    exit: 2,
    message: 'there is no example series `{key}`',
    hint: 'the examples are {known}; a file is named by its path, such as ./series.json',
  },
  not_in_file: {
    status: 404,
    exit: 2,
    message: 'nobody in the file has the user_id `{user_id}`',
    hint: 'check the spelling; letter case counts',
  },
  no_data_here: {
    status: 404,
    exit: 2,
    message: 'there is no Muster data in `{folder}`',
    hint: 'run it in the folder where Muster was started, or set MUSTER_DATA to its data folder or DATABASE_URL to its database; `muster start` begins a new one here',
  },
  database_not_migrated: {
    status: 503,
    exit: 2,
    message: 'the database has schema version {found}, this Muster needs version {known}',
    hint: 'run `muster migrate` first; it changes the schema only, no data',
  },
  port_in_use: {
    status: 409,
    exit: 2,
    message: 'port {port} on {host} is in use',
    hint: 'stop the other program, or choose another port: `{option}`',
  },
  host_not_here: {
    status: 400,
    exit: 2,
    message: 'this machine has no address `{host}`',
    hint: 'give an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them',
  },
  port_not_allowed: {
    status: 403,
    exit: 2,
    message: 'this account may not listen on port {port}',
    hint: 'choose a port above 1023, such as 4000',
  },
  keys_unreadable: {
    status: 400,
    exit: 2,
    message: 'the key file `{file}` is not one that muster wrote',
    hint: 'remove it; the next start makes new keys',
  },
  unexpected: {
    status: 500,
    exit: 3,
    message: 'something went wrong inside muster: {reason}',
    hint: 'run it again with MUSTER_DEBUG=1 to see where, and report it',
  },
} as const satisfies Record<string, ErrorEntry>;
