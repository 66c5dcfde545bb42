import type { FastifyInstance, FastifyRequest } from 'fastify';
import { refuse } from '../errors/index.js';
import type { AccessBook } from './access.js';
import type { KeyKind } from './keys.js';
import type { Limiter } from './limits.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which key the call needs; a call without this entry is open to everyone. */
    needs?: KeyKind;
    /** Whether the call is a page, whose key a browser asks for and sends as the password of Basic. It must only read. */
    browser?: boolean;
  }
  interface FastifyRequest {
    /** The workspace of the request's key; empty on calls that need none. */
    workspaceId: string;
    /** The kind of the request's key. */
    keyKind: KeyKind;
  }
}

/**
 * Checks the key of every call before its body is read, and counts the call.
 *
 * Errors: `key_missing`, `key_not_allowed`, `key_only_for_bounces`, `rate_limited` and those of `AccessBook.holder`.
 */
export function authenticate(app: FastifyInstance, access: AccessBook, limiter: Limiter): void {
  app.decorateRequest('workspaceId', '');
  app.decorateRequest('keyKind', 'write');
  app.addHook('onRequest', async (request: FastifyRequest) => {
    const { needs } = request.routeOptions.config;
    if (needs === undefined) return;
    const holder = await access.holder(keyOf(request) ?? refuse('key_missing'));
    if (holder.kind !== 'secret' && holder.kind !== needs) refuse(notAllowed[holder.kind]);
    request.workspaceId = holder.workspaceId;
    request.keyKind = holder.kind;
    await limiter.take(holder.keyId);
  });
}

/** What a narrow key is told that does not open a call. */
const notAllowed = { write: 'key_not_allowed', bounces: 'key_only_for_bounces' } as const;

/**
 * The key of `Bearer KEY`, or of `Basic` with the key as the user's name, which is how Segment's clients send it; on a page
 * as the password, which browsers hide.
 */
function keyOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization ?? '';
  const bearer = /^bearer +(\S+) *$/i.exec(header)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header)?.[1];
  if (basic === undefined) return undefined;
  const [, name = '', password = ''] =
    /^([^:]*):?(.*)$/s.exec(Buffer.from(basic, 'base64').toString('utf8')) ?? [];
  const key = request.routeOptions.config.browser === true ? password : name;
  return key === '' ? undefined : key;
}
