import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repository } from './bundle.js';
import { allFaults } from './faults/index.js';
import { guards, textWithout } from './guard-list.js';
import { failpointStatements } from './subject.js';

test.each(guards)('the $name is where `npm run chaos:guards` takes it out', (guard) => {
  for (const edit of guard.edits) expect(() => textWithout(edit, repository)).not.toThrow();
  const names = allFaults.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining([...(guard.chaos.only ?? [])]));
});

test.each(Object.entries(failpointStatements))(
  'the statement at which a worker is killed is known by its text: %s',
  (_, pattern) => {
    const folder = join(repository, 'src', 'automation');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    const holding = files.filter((name) => pattern.test(readFileSync(join(folder, name), 'utf8')));
    expect(holding).not.toEqual([]);
  },
);
