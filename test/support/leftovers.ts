import { readFileSync, readdirSync } from 'node:fs';
import { pause } from '../../src/embedded/processes.js';

/** Kinds of handle that a test file opens itself; the rest belongs to the test runner. */
const KINDS = [
  'TCPSocketWrap',
  'TCPServerWrap',
  'ProcessWrap',
  'UDPWrap',
  'FSEventWrap',
  'StatWatcher',
  'Worker',
];

interface Running {
  readonly handles: ReadonlyMap<string, number>;
  readonly children: ReadonlySet<number>;
}

/** What this process has open now, and its child processes. */
export function running(): Running {
  const handles = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (KINDS.includes(kind)) handles.set(kind, (handles.get(kind) ?? 0) + 1);
  }
  return { handles, children: new Set(children()) };
}

function children(): number[] {
  try {
    return readdirSync('/proc/self/task').flatMap((thread) =>
      readFileSync(`/proc/self/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    // Only Linux tells; elsewhere handles of live children are still seen above.
    return [];
  }
}

/** Throws when more is running than before the file; what is just closing gets `patience` ms. */
export async function refuseLeftovers(before: Running, patience = 20_000): Promise<void> {
  const deadline = Date.now() + patience;
  for (;;) {
    const left = leftovers(before, running());
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new Error(`the test file left running: ${left.join(', ')}`);
    await pause(10);
  }
}

function leftovers(before: Running, now: Running): string[] {
  const handles = [...now.handles]
    .map(([kind, count]) => ({ kind, count: count - (before.handles.get(kind) ?? 0) }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} ${kind}`);
  const processes = [...now.children]
    .filter((pid) => !before.children.has(pid))
    .map((pid) => `process ${pid} (${commandOf(pid)})`);
  return [...handles, ...processes];
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 200);
  } catch {
    return 'gone meanwhile';
  }
}
