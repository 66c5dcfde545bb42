import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { afterFile } from '../../support/cleanup.js';

export interface ReceivedCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Behaviour = (response: ServerResponse, call: ReceivedCall) => void;

/** A real receiver of webhooks on the loopback address, whose answers the test chooses. */
export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** Whole calls that arrived, in order. */
  readonly calls: ReceivedCall[];
  /** Connections that were made. */
  readonly connections: () => number;
  /** Connections that are open now. */
  readonly open: () => number;
  /** From the next call on; `null` answers 204. */
  readonly behave: (behaviour: Behaviour | null) => void;
  readonly reset: () => void;
}

/** Starts one that stops with the test file. */
export async function startReceiver(host = '127.0.0.1'): Promise<Receiver> {
  let behaviour: Behaviour | null = null;
  const calls: ReceivedCall[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await textOf(request);
    const call = { path: request.url ?? '', headers: request.headers, body };
    calls.push(call);
    if (behaviour === null) response.writeHead(204).end();
    else behaviour(response, call);
  };
  const server = createServer((request, response) => void take(request, response));
  server.on('upgrade', (_request, socket) => socket.destroy());
  const { count, open } = counted(server);
  const port = await listening(server, host);
  afterFile(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    calls,
    connections: count,
    open,
    behave: (next) => {
      behaviour = next;
    },
    reset: () => {
      behaviour = null;
      calls.length = 0;
    },
  };
}

function counted(server: Server): { count: () => number; open: () => number } {
  let count = 0;
  let open = 0;
  server.on('connection', (socket) => {
    count += 1;
    open += 1;
    socket.on('close', () => {
      open -= 1;
    });
    socket.on('error', () => undefined);
  });
  return { count: () => count, open: () => open };
}

export async function listening(server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  return address.port;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  } catch {
    // The sender hung up; what came so far is what arrived.
  }
  return Buffer.concat(chunks).toString('utf8');
}
