import { Command, InvalidArgumentError, Option } from 'commander';
import {
  createKey,
  defaultOverlap,
  listKeys,
  longestOverlap,
  revokeKey,
  rotateKey,
} from '../../server/manage-keys.js';
import type { KeyView, NewKey } from '../../server/manage-keys.js';
import { keyKinds, matchKey, readKeys } from '../../server/keys.js';
import type { KeyKind } from '../../server/keys.js';
import { dataDir } from '../data-dir.js';
import { readLocalKeys, writeLocalKeys } from '../keys-file.js';
import { withExamples, withJson, withWorkspace } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out, plain, table } from '../terminal.js';

type Options = WorkspaceOptions & JsonOptions;

/** `muster keys list|create|rotate|revoke`: the API keys of a workspace. */
export function keysCommand(): Command {
  const command = new Command('keys').description(
    'The API keys of a workspace. A write key may only send data and may be shown in a browser; a bounces key is for the ' +
      'mail provider that tells of bounces, and may do nothing else; a secret key may do everything. The text of a key is printed once, when it is made; only its hash is stored.',
  );
  command.addCommand(part('list', 'Lists the keys, those that ended included.').action(list));
  command.addCommand(
    part('create', 'Makes a key and prints it.')
      .addOption(new Option('--kind <kind>', 'what it may do').choices(keyKinds).default('write'))
      .option('--name <name>', 'what it is for')
      .action(create),
  );
  command.addCommand(
    part('rotate', 'Makes a key in place of another, which goes on working for the overlap.')
      .argument('<id>', 'the id that `muster keys list` shows')
      .addOption(
        new Option('--overlap <time>', 'how long the old key goes on working, such as 0, 90m, 24h or 7d')
          .default(defaultOverlap, '24h')
          .argParser(secondsOf),
      )
      .action(rotate),
  );
  command.addCommand(
    part('revoke', 'Ends a key at once and for good.')
      .argument('<id>', 'the id that `muster keys list` shows')
      .action(revoke),
  );
  return withExamples(command, [
    ['muster keys list --workspace acme', 'what there is'],
    ['muster keys create --kind secret --name backend', 'a key for a server of yours'],
    ['muster keys create --kind bounces --name postmark', 'a key for the bounce webhook of a mail provider'],
    ['muster keys rotate 4b0e… --overlap 7d', 'a new key; the old one works for another week'],
  ]);
}

/** One of the commands below `keys`. */
function part(name: string, summary: string): Command {
  return withJson(withWorkspace(new Command(name).description(summary)));
}

async function list(options: Options): Promise<void> {
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const keys = await listKeys(pool, options.workspace, Date.now());
    if (options.json) {
      out.line(JSON.stringify({ keys }));
      return;
    }
    if (keys.length === 0) {
      out.line(`no keys in the workspace ${options.workspace}; muster keys create makes one`);
      return;
    }
    for (const line of table(keys.map(rowOf))) out.line(line);
  });
}

async function create(options: Options & { kind: KeyKind; name?: string }): Promise<void> {
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const { workspace: workspaceId, kind, name } = options;
    showNew(await createKey(pool, { workspaceId, kind, name, now: Date.now() }), options);
  });
}

async function rotate(keyId: string, options: Options & { overlap: number }): Promise<void> {
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const { workspace: workspaceId, overlap } = options;
    // Looked at first: a file that cannot be read must not keep a key from being shown that nobody can ask for again.
    const local = readLocalKeys(dataDir(), workspaceId);
    const stored = local === null ? [] : await readKeys(pool, workspaceId);
    const { made, replaced } = await rotateKey(pool, { workspaceId, keyId, overlap, now: Date.now() });
    if (options.json) {
      out.line(JSON.stringify({ ...made, replaced }));
    } else {
      showNew(made, options);
      out.line(`  the key ...${replaced.ending ?? '????'} works until ${replaced.valid_until ?? 'now'}`);
    }
    if (local === null || made.kind === 'bounces' || matchKey(stored, local[made.kind])?.key_id !== keyId)
      return;
    writeLocalKeys(dataDir(), workspaceId, { ...local, [made.kind]: made.key });
    if (!options.json) out.line('  muster start uses the new one from now on');
  });
}

async function revoke(keyId: string, options: Options): Promise<void> {
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const key = await revokeKey(pool, { workspaceId: options.workspace, keyId, now: Date.now() });
    if (options.json) out.line(JSON.stringify(key));
    else out.line(`${out.style('green', '✓')} the ${key.kind} key ...${key.ending ?? '????'} is revoked`);
  });
}

function showNew(made: NewKey, { json, workspace }: Options): void {
  if (json) {
    out.line(JSON.stringify(made));
    return;
  }
  out.line(`${out.style('green', '✓')} a ${made.kind} key of ${workspace}, shown this once:\n`);
  out.line(`  ${made.key}\n`);
}

function rowOf(key: KeyView): string[] {
  const until = key.revoked_at ?? key.valid_until;
  return [
    key.id,
    key.kind,
    `...${key.ending ?? '????'}`,
    key.state + (until === null ? '' : ` ${until}`),
    plain(key.name ?? ''),
  ];
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function secondsOf(text: string): number {
  const [, digits = '', unit = 's'] = /^(\d{1,7})([smhd]?)$/.exec(text) ?? [];
  const seconds = digits === '' ? NaN : Number(digits) * (units[unit === '' ? 's' : unit] ?? NaN);
  if (!(seconds <= longestOverlap)) {
    throw new InvalidArgumentError('Give a time of at most 30 days, such as 0, 90m, 24h or 7d.');
  }
  return seconds;
}
