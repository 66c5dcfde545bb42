import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChaosOptions } from './chaos.js';

export interface Edit {
  readonly file: string;
  /** Found once in the file; `to` takes its place. */
  readonly text: RegExp;
  readonly to: string;
}

/** A guard of the product, how it is taken out of a copy, and the chaos that misses it. */
export interface Guard {
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly chaos: Omit<ChaosOptions, 'seed'>;
}

const untilDue: Edit = {
  file: 'src/automation/work/perform.ts',
  text: /if \(!\(await untilDue\(claim, lease\)\)\) return 'lost';/g,
  to: '',
};

export const guards: readonly Guard[] = [
  {
    name: 'state at the claim',
    edits: [
      {
        file: 'src/automation/work/claim.ts',
        text: /AND \([^\n]*'enqueued'[^\n]* AND w\.token = verdict\.token\)/g,
        to: '',
      },
    ],
    // Dumps bring back jobs whose rows are over, or not offered any more.
    chaos: { faults: 12, sends: 1500, workers: 2, pace: 2000, only: ['redis killed, old dump'] },
  },
  {
    name: 'epoch at the claim',
    edits: [
      { file: 'src/automation/work/claim.ts', text: / AND w\.epoch = verdict\.epoch/g, to: '' },
      untilDue,
    ],
    // And nobody who holds what came too early until it is due. A dump brings back jobs that ran and were put off since it was made: their rows are offered again, for later.
    chaos: {
      faults: 8,
      sends: 800,
      workers: 2,
      pace: 3000,
      only: ['redis killed, old dump'],
      settings: { horizon: 5000 },
      provider: { kind: 'refuse', share: 0.7, after: 3 },
    },
  },
  {
    name: 'incarnation of Redis',
    edits: [
      {
        file: 'src/automation/redis/incarnation.ts',
        text: /if \([^\n]*inRedis === inPostgres\) return null;/g,
        to: 'return null;',
      },
    ],
    // Without the slow sweep and the look for what Redis does not have, which would find them in the end.
    chaos: {
      faults: 10,
      sends: 1500,
      workers: 2,
      only: ['flushall', 'redis killed, empty'],
      settings: { enqueuedFor: 3_600_000, lostAfter: 3_600_000 },
      patience: 40_000,
    },
  },
  {
    name: 'lease at the end',
    edits: [
      {
        file: 'src/automation/work/finish.ts',
        text: /(?<=w\.id = result\.id) AND [^\n]*w\.token = result\.token/g,
        to: '',
      },
    ],
    // Workers that stand still for longer than their lease, and then want to finish.
    chaos: {
      faults: 24,
      sends: 3000,
      workers: 3,
      only: ['freeze past lease', 'block event loop', 'provider slow'],
    },
  },
  {
    name: 'hold of what comes too early',
    edits: [untilDue],
    // Workers whose clocks let jobs go too soon, and a provider who says when to come again.
    chaos: {
      faults: 12,
      sends: 1500,
      workers: 3,
      only: ['clock an hour forward', 'clock an hour back'],
      provider: { kind: 'refuse', share: 0.7, after: 1 },
    },
  },
  {
    name: 'state at the claim of a chunk',
    edits: [
      {
        file: 'src/automation/broadcasts/claim-chunk.ts',
        text: /AND \([^\n]*'enqueued'[^\n]* AND w\.token = \$4::uuid\)/g,
        to: '',
      },
    ],
    // Dumps bring back chunks that are done.
    chaos: { faults: 10, sends: 300, workers: 2, crowd: 20_000, only: ['redis killed, old dump'] },
  },
  {
    name: 'holder of a chunk',
    edits: [
      {
        file: 'src/automation/broadcasts/held-chunk.ts',
        text: / AND [^\n]*w\.token = \$3::uuid\n +AND w\.lease_until > statement_timestamp\(\)/g,
        to: '',
      },
    ],
    // Workers that stand still for longer than their lease, and then want to go on with what somebody else has.
    chaos: {
      faults: 16,
      sends: 300,
      workers: 3,
      crowd: 20_000,
      only: ['freeze past lease', 'block event loop'],
    },
  },
];

/** What is in place of a guard's file below `root` without the guard. Throws where it is not there exactly once. */
export function textWithout({ file, text, to }: Edit, root: string): string {
  const source = readFileSync(join(root, file), 'utf8');
  const count = source.match(text)?.length ?? 0;
  if (count !== 1) throw new Error(`${file} holds ${count} times, not once: ${text.source}`);
  return source.replace(text, to);
}
