import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const source = fileURLToPath(new URL('../src', import.meta.url));

/** What each folder of `src` may import, itself apart. Imports point downward; this is the order in one place. */
const mayImport: Record<string, readonly string[]> = {
  errors: [],
  loop: [],
  sdk: [],
  embedded: ['errors'],
  filter: ['errors'],
  database: ['errors', 'filter'],
  traits: ['errors', 'loop', 'filter', 'database'],
  audience: ['errors', 'loop', 'filter', 'database', 'traits'],
  automation: ['errors', 'loop', 'filter', 'database', 'traits', 'audience'],
  server: ['errors', 'loop', 'filter', 'database', 'traits', 'audience', 'automation'],
  console: ['server'],
  cli: [
    'errors',
    'loop',
    'filter',
    'database',
    'traits',
    'audience',
    'automation',
    'server',
    'console',
    'embedded',
  ],
};

/** Packages that a folder must not know: the language has no database, traits and audience no queue, automation no HTTP. */
const mayNotUse: Record<string, RegExp> = {
  errors: /./,
  loop: /^(?!node:timers)/,
  sdk: /./,
  filter: /^(?!luxon$|node:crypto$)/,
  database: /^(bullmq|ioredis|fastify)/,
  traits: /^(bullmq|ioredis|fastify)/,
  audience: /^(bullmq|ioredis|fastify)/,
  automation: /^(fastify|commander)/,
  server: /^commander/,
};

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

const folderOf = (file: string): string => relative(source, file).split('/')[0] ?? '';

it('imports point downward, and no folder uses a package that is not its business', () => {
  const wrong: string[] = [];
  let seen = 0;
  for (const file of files(source)) {
    const folder = folderOf(file);
    const here = relative(source, file);
    if (folder === 'index.ts') continue;
    for (const specifier of importsOf(file)) {
      seen += 1;
      if (specifier.startsWith('.')) {
        const target = folderOf(resolve(dirname(file), specifier));
        if (target !== folder && !(mayImport[folder] ?? []).includes(target))
          wrong.push(`${here} imports ${target}`);
      } else if (mayNotUse[folder]?.test(specifier) === true) {
        wrong.push(`${here} uses ${specifier}`);
      }
    }
  }
  expect(wrong).toEqual([]);
  // A pattern that finds nothing would agree with everything.
  expect(seen).toBeGreaterThan(20);
});

it('every folder of src has its place in the order', () => {
  const folders = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map((entry) => entry.name).filter((name) => !Object.hasOwn(mayImport, name))).toEqual([]);
});

it('the language, the series machine and decision rules read no clock and no randomness', () => {
  const impure =
    /\bDate\.now\(|new Date\(\)|Math\.random\(|performance\.now\(|DateTime\.(now|utc|local)\(|randomUUID|randomBytes/;
  const pure = files(source).filter((file) =>
    /^(filter\/|audience\/rules\/|automation\/series\/(?!file|store))/.test(relative(source, file)),
  );
  expect(
    pure.filter((file) => impure.test(readFileSync(file, 'utf8'))).map((file) => relative(source, file)),
  ).toEqual([]);
});

/**
 * Statements that see every workspace, by file; all others run under row-level security, through `inWorkspace` or
 * `atomically`.
 */
const acrossWorkspaces: Record<string, string> = {
  'audience/segments/keep.ts': 'keeps the memberships of every workspace that has something to do',
  'traits/months.ts': 'makes the months of events, which all workspaces share',
  'traits/catalogue/fold.ts': 'finds the workspaces that have something to fold; folds each under its own',
  'traits/upkeep/messages.ts': 'forgets old message ids as they lie on the disk, whosever they are',
  'traits/upkeep/names.ts': 'asks which workspaces are crowded',
  'traits/upkeep/refusals.ts': 'each workspace in turn, one statement each',
  'traits/upkeep/statistics.ts': 'has a whole table analyzed and reads no row of it',
  'server/metrics/gauges.ts': 'counts what the installation has to do, by state and not by workspace',
  'server/identity/findings.ts': 'adds up the counts of all workspaces in one statement, or none of them',
  'cli/servers.ts': 'looks at the schema itself, before anything is known about it',
};

it('what concerns one workspace runs under row-level security', () => {
  // A question about no table, as whether the server answers, is bound to nothing.
  const unbound = /\b(?:pool|db)\.query\b(?!\('SELECT 1'\))|\binTransaction\(|\bquery\('BEGIN/;
  const found = files(source)
    .map((file) => relative(source, file))
    .filter((file) => /^(?:traits|audience|server|cli)\//.test(file) || file === 'automation/series/store.ts')
    .filter((file) => unbound.test(readFileSync(join(source, file), 'utf8')));
  expect(found.toSorted()).toEqual(Object.keys(acrossWorkspaces).toSorted());
});

it('only compiled audiences run under the role that sees every workspace', () => {
  const use = /muster_reader|\b(?:inAudience|amidstAudience)\b[^;]*database\/workspace/;
  const users = files(source)
    .map((file) => relative(source, file))
    .filter((file) => use.test(readFileSync(join(source, file), 'utf8')));
  expect(users.toSorted()).toEqual(['audience/people.ts', 'database/roles.ts', 'database/workspace.ts']);
});
