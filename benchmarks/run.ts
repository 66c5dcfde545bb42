import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { compileBenchmarks } from './compile.js';

/**
 * Every benchmark, one after another, each in a process of its own so that none warms or crowds another:
 * `npm run bench`, or `npm run bench -- preview import` for some. Run it when nothing else runs.
 */
const all = [
  'predicate',
  'preview',
  'days',
  'report',
  'import',
  'ingest',
  'bounds',
  'series',
  'broadcast',
  'simulate',
  'segments',
];
const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
const unknown = asked.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark named ${unknown.join(', ')}; there are ${all.join(', ')}\n`);
  process.exit(2);
}
const compiled = await compileBenchmarks();
for (const name of asked.length > 0 ? asked : all) {
  const file = join(compiled, `${name}.js`);
  const { status } = spawnSync(process.execPath, [file, ...flags], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
