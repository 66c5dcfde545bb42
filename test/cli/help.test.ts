import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { programFile } from '../support/programs.js';
import { muster } from './muster.js';

/** The commands that the help lists, in its order. */
async function listed(): Promise<string[]> {
  const { out } = await muster(['--help']);
  const section = /Commands:\n([^]*?)\n\n/.exec(out)?.[1] ?? '';
  return section.split('\n').map((line) => line.trim().split(' ')[0] ?? '');
}

it('`muster help COMMAND` and `muster COMMAND --help` are one page, for every command and every one below it', async () => {
  const names = await listed();
  expect(names).toContain('import');
  expect(names.length).toBeGreaterThan(15);
  for (const name of [...names.map((each) => [each]), ['broadcast', 'recipients'], ['series', 'story']]) {
    const page = await muster([...name, '--help']);
    expect([name, page.code, page.err]).toEqual([name, 0, '']);
    expect(page.out).toMatch(new RegExp(`^Usage: muster ${name.join(' ')}`));
    expect(await muster(['help', ...name])).toEqual(page);
  }
  expect(await muster(['help'])).toEqual(await muster(['--help']));
  expect((await muster(['help', 'previw'])).err).toContain('did you mean `preview`?');
});

it('help is broken at the width of the terminal and nowhere else', async () => {
  for (const name of await listed()) {
    const { out } = await muster([name, '--help']);
    const lines = out.split('\n').filter((line) => !/^Usage|^ *\$ /.test(line));
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    const description = out.split('\n\n')[1]?.split('\n') ?? [];
    const brokenEarly = description.slice(0, -1).filter((line, index) => {
      const next = description[index + 1]?.split(' ')[0] ?? '';
      return line.length + 1 + next.length <= 100;
    });
    expect(brokenEarly).toEqual([]);
  }
});

it('an error of a command below another names the page of that command', async () => {
  for (const [args, page] of [
    [['broadcast', 'recipients', 'spring', '--user', 'x'], 'muster broadcast recipients --help'],
    [['series', 'story'], 'muster series story --help'],
    [['preview'], 'muster preview --help'],
    [['broadcast', 'lunch'], 'muster broadcast --help'],
  ] as const) {
    const { code, err } = await muster(args);
    expect(code).toBe(2);
    expect(err).toContain(`see \`${page}\``);
  }
});

it('--version and --help take less than 0.3 seconds of processor time', () => {
  const report = `process.on('exit',()=>{const {user,system}=process.cpuUsage();process.stderr.write(String((user+system)/1e6))})`;
  for (const option of ['--version', '--help']) {
    const runs = [1, 2, 3].map(() => {
      const ran = spawnSync(process.execPath, [
        '--import',
        `data:text/javascript,${report}`,
        programFile('src/cli/main'),
        option,
      ]);
      expect(ran.status).toBe(0);
      return Number(ran.stderr.toString());
    });
    // The least of three: what else runs on the machine can only add to it.
    expect(Math.min(...runs)).toBeLessThan(0.3);
    expect(Math.min(...runs)).toBeGreaterThan(0);
  }
});
