import { Command } from 'commander';
import { databaseAddress } from '../../database/unreachable.js';
import { withExamples, withJson } from '../options.js';
import type { JsonOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';

/** `muster migrate`: brings the database's schema to this version. */
export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description(
      "Brings the database's schema to this version, in one transaction. It is safe to run at any time and from several " +
        'machines at once. The database is the one of DATABASE_URL, else the embedded one.',
    )
    .action(run);
  return withExamples(withJson(command), [
    ['muster migrate', 'the embedded database'],
    ['DATABASE_URL=postgres://muster@db.example/muster muster migrate', 'a database of your own'],
  ]);
}

async function run(options: JsonOptions): Promise<void> {
  await withServers({ redis: false, schema: 'bring' }, async ({ databaseUrl, migrated }) => {
    const address = databaseAddress(databaseUrl);
    if (options.json) {
      out.line(JSON.stringify({ migrated, database: address }));
    } else if (migrated.length === 0) {
      out.line(`${out.style('green', '✓')} ${address} is up to date`);
    } else {
      const versions = `${migrated.length === 1 ? 'version' : 'versions'} ${migrated.join(', ')}`;
      out.line(`${out.style('green', '✓')} ${address} now has schema ${versions}`);
    }
  });
}
