import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterFile } from '../support/cleanup.js';

/** One request that reached the gateway, and what became of it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The status that was answered; 0 when the connection was cut, undefined until then. */
  status: number | undefined;
}

/** What the gateway does instead of passing a call on. */
export type Fault =
  'cut' | 'lose the answer' | { status: number; headers?: Record<string, string>; body?: unknown };

export interface Gateway {
  readonly url: string;
  /** Calls, without the browser's questions of permission, oldest first. */
  calls(path?: string): Seen[];
  /** The same, questions included. */
  readonly all: Seen[];
  /** What to do with each call from now on; back to passing on when it returns undefined. */
  fail: (path: string, body: Record<string, unknown>) => Fault | undefined;
}

/** Stands between page and API, so that the network can fail for real and what was sent can be counted. */
export async function startGateway(api: string): Promise<Gateway> {
  const all: Seen[] = [];
  const server = createServer((incoming, outgoing) => {
    void handle(incoming, outgoing, api, gateway);
  });
  const gateway: Gateway = {
    url: await listen(server),
    all,
    calls: (path) =>
      all.filter((each) => each.method === 'POST' && (path === undefined || each.path === path)),
    fail: () => undefined,
  };
  return gateway;
}

async function handle(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  api: string,
  gateway: Gateway,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const { method = '', url: path = '', headers } = incoming;
  const body = objectIn(bytes);
  // Noted before it is passed on: what is found in the database has been noted here.
  const seen: Seen = { method, path, body, headers, status: undefined };
  gateway.all.push(seen);
  const fault = method === 'POST' ? gateway.fail(path, body) : undefined;
  if (fault === 'cut') {
    seen.status = 0;
    incoming.socket.destroy();
    return;
  }
  if (typeof fault === 'object') {
    seen.status = fault.status;
    outgoing.writeHead(fault.status, {
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'retry-after',
      'content-type': 'application/json',
      ...fault.headers,
    });
    outgoing.end(JSON.stringify(fault.body ?? {}));
    return;
  }
  const passed = request(
    api + path,
    { method, headers: { ...headers, host: new URL(api).host } },
    (answer) => {
      seen.status = fault === undefined ? (answer.statusCode ?? 0) : 0;
      if (fault === 'lose the answer') {
        answer.resume();
        incoming.socket.destroy();
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    },
  );
  passed.once('error', () => incoming.socket.destroy());
  passed.end(bytes);
}

export interface PageServer {
  /** The address of a page with this HTML. */
  page(html: string, headers?: Record<string, string>): string;
}

/** Serves pages from an origin of their own. */
export async function startPages(): Promise<PageServer> {
  const pages = new Map<string, { html: string; headers: Record<string, string> }>();
  const url = await listen(
    createServer((incoming, outgoing) => {
      const page = pages.get(incoming.url ?? '');
      outgoing.writeHead(page === undefined ? 404 : 200, {
        'content-type': 'text/html; charset=utf-8',
        ...page?.headers,
      });
      outgoing.end(page?.html);
    }),
  );
  return {
    page(html, headers = {}) {
      const path = `/${pages.size}`;
      pages.set(path, { html: `<!doctype html><title>page</title>${html}`, headers });
      return url + path;
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  afterFile(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  if (!isInternet(address)) throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

function isInternet(address: ReturnType<Server['address']>): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

function objectIn(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
