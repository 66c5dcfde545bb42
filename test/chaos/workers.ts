import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { pause } from '../../src/embedded/processes.js';
import type { Random } from './random.js';
import { exitCodes } from './worker-exit.js';
import type { WorkerConfig, WorkerOrder } from './worker-child.js';

/** One life of a worker process. */
export interface Life {
  readonly name: string;
  readonly pid: number;
  readonly ready: () => boolean;
  readonly alive: () => boolean;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  send(order: WorkerOrder): void;
  signal(signal: NodeJS.Signals): void;
}

/** So many worker processes; one that dies is followed by another. */
export interface Workers {
  /** The lives that are up and working. */
  ready(): Life[];
  /** One that works, waiting for one where need be. */
  one(random: Random): Promise<Life>;
  /** How often a process was started. */
  started(): number;
  /** Ends that nobody asked for: the product's own doing. */
  crashes(): readonly string[];
  stop(): Promise<void>;
}

export type WorkersOptions = Omit<WorkerConfig, 'name'> & { readonly script: string; readonly count: number };

export function startWorkers({ script, count, ...config }: WorkersOptions): Workers {
  const lives = new Set<Life>();
  const crashes: string[] = [];
  let started = 0;
  const stopping = new AbortController();

  const live = async (slot: number): Promise<void> => {
    while (!stopping.signal.aborted) {
      started += 1;
      const { life, ended } = begin(script, { ...config, name: `chaos-${slot}-${started}` });
      lives.add(life);
      const crash = await ended;
      lives.delete(life);
      if (crash !== null) crashes.push(crash);
      if (!stopping.signal.aborted) await pause(100);
    }
  };
  const slots = Array.from({ length: count }, (_, slot) => live(slot));

  const ready = (): Life[] => [...lives].filter((life) => life.ready() && life.alive());
  return {
    ready,
    async one(random) {
      const deadline = Date.now() + 60_000;
      while (ready().length === 0) {
        if (Date.now() > deadline) throw new Error('no worker came up within a minute');
        await pause(10);
      }
      return random.pick(ready());
    },
    started: () => started,
    crashes: () => crashes,
    async stop() {
      stopping.abort();
      for (const life of lives) life.signal('SIGKILL');
      await Promise.all(slots);
    },
  };
}

/** `ended` answers what the process died of where nobody killed it. */
function begin(script: string, config: WorkerConfig): { life: Life; ended: Promise<string | null> } {
  const child = spawn(process.execPath, [script, JSON.stringify(config)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let ready = false;
  let alive = true;
  let said = '';
  child.once('message', () => {
    ready = true;
  });
  // An order to a process that has just died.
  child.on('error', () => undefined);
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-4000);
  });
  const ended = exitOf(child).then(([code, signal]) => {
    alive = false;
    const expected: readonly (number | null)[] = [0, exitCodes.unreachable, exitCodes.poisoned];
    const asked = signal === 'SIGKILL' || expected.includes(code);
    return asked ? null : `${config.name} ended with ${code ?? signal}: ${said}`;
  });
  const life: Life = {
    name: config.name,
    pid: child.pid ?? 0,
    ready: () => ready,
    alive: () => alive,
    gone: ended.then(() => undefined),
    send: (order) => {
      if (child.connected) child.send(order, () => undefined);
    },
    signal: (signal) => void child.kill(signal),
  };
  return { life, ended };
}

async function exitOf(child: ChildProcess): Promise<[number | null, string | null]> {
  await once(child, 'close');
  return [child.exitCode, child.signalCode];
}
