import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { broadcastSchema } from '../../src/automation/broadcasts/schema.js';
import { seriesSchema } from '../../src/automation/series/schema.js';
import { errorsPage } from './errors-page.js';

/** Every file that is made from code. `--check` writes nothing and exits with 1 when one is not current. */
const generated: Record<string, () => string> = {
  'docs/errors.md': errorsPage,
  'docs/broadcast.schema.json': () => JSON.stringify(broadcastSchema(), null, 2) + '\n',
  'docs/series.schema.json': () => JSON.stringify(seriesSchema(), null, 2) + '\n',
};

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const [name, make] of Object.entries(generated)) {
  const path = fileURLToPath(new URL(`../../${name}`, import.meta.url));
  const wanted = make();
  let current = '';
  try {
    current = readFileSync(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  if (current === wanted) continue;
  if (check) stale.push(name);
  else writeFileSync(path, wanted);
}
if (stale.length > 0) {
  process.stderr.write(`not current: ${stale.join(', ')}; run npm run generate\n`);
  process.exitCode = 1;
}
