import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './longest-first.js';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    // Real processes: tests start servers, and one that hangs or dies must not take the others along.
    pool: 'forks',
    // The files of a worker share its process and the modules in it, which take longer to load than most files to run. What
    // a module of the tests keeps for one file it gives up by `afterFile`. A file whose process dies fails alone: the next
    // one gets a new process.
    isolate: false,
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/setup.ts'],
    // Only what hangs runs into these: how long a step takes is for the machine to say, which may be busy.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
  },
});
