import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

/** How the provider behaves; `share` is the part of the calls that it concerns, from 0 to 1. */
export type OracleMode =
  | { readonly kind: 'ok' }
  | {
      /**
       * `hang`, `reset` and `error_after_accept` (500) accept first; `slow` accepts late, whether or not somebody still
       * waits for its answer; `refuse` (429 with `Retry-After`) does not accept.
       */
      readonly kind: 'hang' | 'reset' | 'error_after_accept' | 'refuse' | 'slow';
      readonly share: number;
      /** Seconds that `refuse` asks to wait; default 0 to 2. */
      readonly after?: number;
    };

/** One call as the provider saw it, in the order in which it was decided. */
export interface OracleCall {
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly key: string;
  readonly how: OracleMode['kind'];
  readonly accepted: boolean;
  readonly person: string;
  readonly series: string;
  readonly step: string;
  readonly text: string;
}

export interface Oracle {
  readonly port: number;
  setMode(mode: OracleMode): Promise<void>;
  /** Everything so far. */
  calls(): OracleCall[];
  stop(): Promise<void>;
}

/** Starts the provider in a process of its own, which records to `file`. */
export async function startOracle(script: string, file: string, seed: number): Promise<Oracle> {
  const child = spawn(process.execPath, [script, file, String(seed)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const port = await new Promise<number>((resolve) => {
    child.once('message', (said) => resolve(Number(said)));
  });
  const agent = new Agent({ keepAlive: false });
  return {
    port,
    async setMode(mode) {
      await post({ port, path: '/mode', body: JSON.stringify(mode), agent });
    },
    calls: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map(readCall),
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function readCall(line: string): OracleCall {
  const value: unknown = JSON.parse(line);
  if (!isCall(value)) throw new TypeError(`no call of the provider: ${line}`);
  return value;
}

function isCall(value: unknown): value is OracleCall {
  return typeof value === 'object' && value !== null && 'n' in value && 'accepted' in value && 'key' in value;
}

interface Post {
  readonly port: number;
  readonly path: string;
  readonly body: string;
  readonly agent: Agent;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Answers the status and `Retry-After` in seconds, where there is one; rejects when no answer comes. */
export function post(call: Post): Promise<{ status: number; retryAfter: number | null }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: call.port,
        path: call.path,
        method: 'POST',
        agent: call.agent,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(call.body),
          ...call.headers,
        },
        ...(call.signal && { signal: call.signal }),
      },
      (answer) => {
        answer.resume();
        answer.once('error', reject);
        answer.once('end', () => {
          const after = answer.headers['retry-after'];
          resolve({ status: answer.statusCode ?? 0, retryAfter: after === undefined ? null : Number(after) });
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(call.body);
  });
}
