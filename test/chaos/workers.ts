import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { pause } from '../../src/embedded/processes.js';
import type { Random } from './random.js';
import type { SubjectSettings } from './subject.js';
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
  /** Tells a life to stop, as a deployment does, and waits for its end; one that takes too long is killed. */
  end(life: Life): Promise<void>;
  /**
   * Ends some of the processes, one after the other, each once the one before it has its successor, which runs the other
   * program. Answers false where none of them was up.
   */
  roll(random: Random): Promise<boolean>;
  /** Lives that were told to stop and did not. */
  overdue(): readonly string[];
  /** Ends that nobody asked for: the product's own doing. */
  crashes(): readonly string[];
  stop(): Promise<void>;
}

/** What the name of a process ends with that runs the second program. */
export const older = '-older';

/** What a worker runs. */
export interface Program {
  readonly script: string;
  readonly settings: SubjectSettings;
}

export type WorkersOptions = Omit<WorkerConfig, 'name' | 'settings'> & {
  readonly count: number;
  /** Every other worker starts with the second one; a deployment changes between them. */
  readonly programs: readonly [Program, Program];
};

/** Milliseconds in which a life that was told to stop must be gone, whatever else goes on. */
const mostDrain = 15_000;

export function startWorkers({ programs, count, ...config }: WorkersOptions): Workers {
  const lives = new Set<Life>();
  const crashes: string[] = [];
  const overdue: string[] = [];
  const present = new Map<number, Life>();
  const runs = Array.from({ length: count }, (_, slot) => slot % 2);
  let started = 0;
  const stopping = new AbortController();

  const live = async (slot: number): Promise<void> => {
    while (!stopping.signal.aborted) {
      started += 1;
      const isOlder = runs[slot] === 1;
      const { script, settings } = programs[isOlder ? 1 : 0];
      const name = `chaos-${slot}-${started}${isOlder ? older : ''}`;
      const { life, ended } = begin(script, { ...config, settings, name });
      lives.add(life);
      present.set(slot, life);
      const crash = await ended;
      lives.delete(life);
      if (crash !== null) crashes.push(crash);
      if (!stopping.signal.aborted) await pause(100);
    }
  };
  const slots = Array.from({ length: count }, (_, slot) => live(slot));

  const ready = (): Life[] => [...lives].filter((life) => life.ready() && life.alive());
  const end = async (life: Life): Promise<void> => {
    life.signal('SIGTERM');
    const late = pause(mostDrain).then(() => true);
    if (!(await Promise.race([life.gone.then(() => false), late]))) return;
    overdue.push(`${life.name} was told to stop and ran on for ${mostDrain} ms`);
    life.signal('SIGKILL');
    await life.gone;
  };
  return {
    ready,
    end,
    async roll(random) {
      let ended = 0;
      const some = random.shuffled([...runs.keys()]).slice(0, random.int(1, count));
      for (const slot of some) {
        runs[slot] = runs[slot] === 0 ? 1 : 0;
        const life = present.get(slot);
        if (life === undefined || !ready().includes(life)) continue;
        await end(life);
        ended += 1;
        const deadline = Date.now() + 10_000;
        while ((present.get(slot) === life || !present.get(slot)?.ready()) && Date.now() < deadline)
          await pause(10);
      }
      return ended > 0;
    },
    overdue: () => overdue,
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
