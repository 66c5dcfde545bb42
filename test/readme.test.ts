import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

function block(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(readme)?.[1];
  if (found === undefined) throw new Error(`the README has no ${language} block`);
  return found;
}

it('the library example of the README prints what the README says', () => {
  const source = new URL('../src/index.ts', import.meta.url).href;
  const code = block('js').replace(`'muster'`, `'${source}'`);
  const run = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    encoding: 'utf8',
  });
  expect(run.stderr).toBe('');
  expect(run.stdout).toBe(block('text'));
});

it('the two commands of the README are scripts of the package', () => {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const commands = Array.from(readme.matchAll(/npm ci && npm (\w+)/g), ([, script]) => script ?? '');
  expect(commands).toEqual(['start', 'test']);
  for (const script of commands) expect(manifest).toHaveProperty(['scripts', script]);
});
