import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, root), 'utf8');

it('docs/ingest.md names the version of each client that the tests run', () => {
  const docs = text('docs/ingest.md');
  const lock = text('package-lock.json');
  for (const name of ['@segment/analytics-next', '@segment/analytics-node', '@rudderstack/rudder-sdk-node']) {
    const version = new RegExp(`"node_modules/${name}": \\{\\s+"version": "([^"]+)"`).exec(lock)?.[1];
    expect(docs).toContain(`\`${name}\` ${version}`);
  }
});
