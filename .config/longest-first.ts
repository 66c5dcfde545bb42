import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The test files that take longest, the longest first: one of them begun last would keep one worker busy alone. */
const longest = [
  'meaning/laws-first-half',
  'meaning/laws-second-half',
  'crash/crash',
  'chaos/chaos',
  'meaning/cases-cli',
  'meaning/cases',
  'cli/processes',
  'cli/start',
  'traits/import-killed',
  'cli/commands',
  'cli/refusals',
  'database/roles',
  'embedded/life',
  'automation/model/conformance',
  'automation/reconcile',
].map((name) => join(root, 'test', `${name}.test.ts`));

/** Begins the longest test files first, so that all workers end at about the same time. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const gone = longest.filter((file) => !existsSync(file));
    if (gone.length > 0) throw new Error(`named in ${import.meta.url}, and not there: ${gone.join(', ')}`);
    const usual = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number =>
      longest.includes(moduleId) ? longest.indexOf(moduleId) : longest.length;
    return usual.toSorted((one, other) => rank(one) - rank(other));
  }
}
