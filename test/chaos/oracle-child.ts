import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomOf } from './random.js';
import type { OracleCall, OracleMode } from './oracle.js';

/**
 * The provider, in a process that no fault touches. Every call is written to a file before it is answered; what was
 * accepted is accepted for good, whatever the caller is told.
 */
const [file = '', seed = ''] = process.argv.slice(2);
const record = openSync(file, 'a');
const random = randomOf(`${seed}/oracle`);
let mode: OracleMode = { kind: 'ok' };
let calls = 0;

const server = createServer((request, response) => {
  void answer(request, response);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' && address !== null ? address.port : 0);
});
process.once('disconnect', () => process.exit());

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body: string;
  try {
    body = await read(request);
  } catch {
    // The caller died in the middle of its request: there was no call.
    response.destroy();
    return;
  }
  if (request.url === '/deliver') return deliver(request, response, body);
  if (request.url === '/mode') mode = modeOf(body);
  response.end('{}');
}

function deliver(request: IncomingMessage, response: ServerResponse, body: string): void {
  const now = mode;
  const how = 'share' in now && !random.chance(now.share) ? 'ok' : now.kind;
  const note = (accepted: boolean): void => write(request, body, how, accepted);
  switch (how) {
    case 'ok':
      note(true);
      response.end('{}');
      break;
    case 'hang':
      note(true);
      // Ends with the caller's patience; the answer never comes.
      break;
    case 'reset':
      note(true);
      request.socket.resetAndDestroy();
      break;
    case 'error_after_accept':
      note(true);
      response.writeHead(500).end('{}');
      break;
    case 'refuse':
      note(false);
      response.writeHead(429, {
        'retry-after': String(now.kind === 'ok' ? 0 : (now.after ?? random.int(0, 2))),
      });
      response.end('{}');
      break;
    case 'slow': {
      const late = (): void => {
        note(true);
        response.end('{}');
      };
      setTimeout(late, random.int(50, 900));
      break;
    }
  }
}

function write(request: IncomingMessage, body: string, how: OracleMode['kind'], accepted: boolean): void {
  const message: unknown = JSON.parse(body);
  if (!isMessage(message)) throw new TypeError(`a call without the fields of a call: ${body}`);
  const key = request.headers['idempotency-key'];
  calls += 1;
  const call: OracleCall = {
    n: calls,
    at: Date.now(),
    key: typeof key === 'string' ? key : '',
    how,
    accepted,
    ...message,
  };
  writeSync(record, `${JSON.stringify(call)}\n`);
}

function isMessage(value: unknown): value is Pick<OracleCall, 'person' | 'series' | 'step' | 'text'> {
  return (
    typeof value === 'object' && value !== null && 'person' in value && 'series' in value && 'step' in value
  );
}

function modeOf(body: string): OracleMode {
  const value: unknown = JSON.parse(body);
  const kinds = ['hang', 'reset', 'error_after_accept', 'refuse', 'slow'] as const;
  if (typeof value !== 'object' || value === null || !('kind' in value)) return { kind: 'ok' };
  const kind = kinds.find((known) => known === value.kind);
  const share = 'share' in value && typeof value.share === 'number' ? value.share : 1;
  const after = 'after' in value && typeof value.after === 'number' ? { after: value.after } : {};
  return kind === undefined ? { kind: 'ok' } : { kind, share, ...after };
}

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += String(chunk);
  return text;
}
