import { buildServer } from '../../src/server/build.js';
import type { Route, ServerOptions } from '../../src/server/build.js';
import { newKey, storeKey } from '../../src/server/keys.js';
import type { Pool } from '../../src/database/pool.js';
import { afterFile } from '../support/cleanup.js';

/** A running service on a free port, with one workspace and its keys. */
export interface Service {
  readonly url: string;
  readonly secretKey: string;
  readonly writeKey: string;
  readonly routes: readonly Route[];
  /** Sends JSON with the secret key unless another is given. */
  call(method: string, path: string, body?: unknown, key?: string): Promise<Answer>;
  /** Sends exactly these bytes. */
  raw(path: string, body: string | Uint8Array, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // The tests say what they expect of it.
  readonly body: Body;
}

export interface Body {
  readonly [key: string]: unknown;
  readonly error?: {
    code: string;
    message: string;
    path: string;
    hint: string;
    details: { problems: { code: string; path: string }[] };
  };
}

/** Starts the real server on a free port of the loopback address; it stops with the test file. */
export async function startService(
  pool: Pool,
  workspaceId: string,
  options: Omit<ServerOptions, 'pool'> = {},
): Promise<Service> {
  await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [
    workspaceId,
  ]);
  const secretKey = newKey('secret', workspaceId);
  const writeKey = newKey('write', workspaceId);
  await storeKey(pool, { key: secretKey, kind: 'secret', workspaceId });
  await storeKey(pool, { key: writeKey, kind: 'write', workspaceId });
  const server = await buildServer({ pool, ...options });
  const url = await server.listen({ port: 0, host: '127.0.0.1' });
  afterFile(() => server.close());

  return serviceAt(url, { secretKey, writeKey, routes: server.routeTable });
}

/** The same for a server that already runs. */
export function serviceAt(
  url: string,
  {
    secretKey = '',
    writeKey = '',
    routes = [],
  }: Partial<Pick<Service, 'secretKey' | 'writeKey' | 'routes'>> = {},
): Service {
  const send = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url + path, init);
    const text = await response.text();
    const { status, headers } = response;
    const isJson = headers.get('content-type')?.includes('json') ?? false;
    return { status, headers, text, body: isJson ? bodyOf(text) : {} };
  };
  return {
    url,
    secretKey,
    writeKey,
    routes,
    call: (method, path, body, key = secretKey) =>
      send(path, {
        method,
        headers: {
          ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    raw: (path, body, headers = {}) =>
      send(path, {
        method: 'POST',
        headers: { authorization: `Bearer ${secretKey}`, 'content-type': 'application/json', ...headers },
        body,
      }),
  };
}

function bodyOf(text: string): Body {
  const value: unknown = JSON.parse(text);
  if (!isBody(value)) throw new Error(`the answer is not an object: ${text}`);
  return value;
}

function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
