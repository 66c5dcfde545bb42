import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { portRefusal } from '../../src/cli/port.js';
import { MusterError } from '../../src/errors/index.js';
import { muster, ownFolder } from './muster.js';

it('a command that reads refuses a folder without data, names what to set, and starts nothing', async () => {
  for (const args of [
    ['preview', 'admins'],
    ['segments', 'list'],
    ['keys', 'list'],
  ]) {
    const folder = join(ownFolder(), 'data');
    const { code, out, err } = await muster(args, { MUSTER_DATA: folder });
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(`there is no Muster data in \`${folder}\``);
    expect(err).toContain('MUSTER_DATA');
    expect(err).toContain('DATABASE_URL');
    expect(existsSync(folder)).toBe(false);
  }
});

it('a command that may make a data folder says that it does, and the next one finds it', async () => {
  const folder = ownFolder();
  const file = join(folder, 'users.csv');
  writeFileSync(file, 'user_id,role\nann,admin\n');
  const data = { MUSTER_DATA: join(folder, 'data') };
  const imported = await muster(['import', file, '--json'], data);
  expect([imported.code, JSON.parse(imported.out)]).toMatchObject([0, { created: 1 }]);
  expect(imported.err).toContain(`no Muster data in ${data.MUSTER_DATA} yet: starting a new Postgres there`);
  const found = await muster(['preview', 'admins', '--json'], data);
  expect([found.err, JSON.parse(found.out)]).toMatchObject(['', { count: 1 }]);
});

it('lint takes a filter, a preset, a file or a folder, and looks into no hidden folder and no installed package', async () => {
  const folder = ownFolder();
  const never = '{"and":[{"==":[{"var":"custom:a"},1]},{"==":[{"var":"custom:a"},2]}]}';
  const inline = await muster(['lint', never, '--offline', '--json']);
  expect([inline.code, JSON.parse(inline.out)]).toMatchObject([
    1,
    { files: 1, findings: [{ file: 'filter', code: 'contradiction' }] },
  ]);
  expect((await muster(['lint', 'admins', '--offline'])).out).toBe('nothing found in 1 file\n');
  expect((await muster(['lint', 'admin', '--offline'])).err).toContain('did you mean `admins`?');
  for (const skipped of ['.muster', 'node_modules/some']) {
    mkdirSync(join(folder, skipped), { recursive: true });
    writeFileSync(join(folder, skipped, 'run.json'), '{}');
  }
  writeFileSync(join(folder, 'never.json'), never);
  const all = await muster(['lint', folder, '--offline', '--json']);
  expect([all.code, JSON.parse(all.out)]).toMatchObject([1, { files: 1 }]);
  // What is named outright is looked at, wherever it is.
  expect((await muster(['lint', join(folder, '.muster'), '--offline'])).code).toBe(2);
});

it('the hint for a used port is the command that the user runs', async () => {
  const busy = Object.assign(new Error('in use'), { code: 'EADDRINUSE' });
  const hint = (): string => {
    const refusal = portRefusal(busy, 4000, '127.0.0.1');
    return refusal instanceof MusterError ? (refusal.problems[0]?.hint ?? '') : '';
  };
  vi.stubEnv('npm_lifecycle_event', 'start');
  expect(hint()).toContain('`npm start -- --port 4001`');
  vi.stubEnv('npm_lifecycle_event', undefined);
  expect(hint()).toContain('`--port 4001`');
  vi.unstubAllEnvs();
});
