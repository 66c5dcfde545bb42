import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Pool } from '../database/pool.js';
import { refuse } from '../errors/index.js';
import { holderOf } from './keys.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which key the call needs; a call without this entry is open to everyone. */
    needs?: 'write' | 'secret';
  }
  interface FastifyRequest {
    /** The workspace of the request's key; empty on calls that need none. */
    workspaceId: string;
  }
}

/**
 * Checks the key of every call before its body is read.
 *
 * Errors: `key_missing`, `key_unknown`, `key_not_allowed`.
 */
export function authenticate(app: FastifyInstance, pool: Pool): void {
  app.decorateRequest('workspaceId', '');
  app.addHook('onRequest', async (request: FastifyRequest) => {
    const { needs } = request.routeOptions.config;
    if (needs === undefined) return;
    const key = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    if (key === undefined) refuse('key_missing');
    const holder = await holderOf(pool, key);
    if (holder === null) refuse('key_unknown');
    if (needs === 'secret' && holder.kind !== 'secret') refuse('key_not_allowed');
    request.workspaceId = holder.workspaceId;
  });
}
