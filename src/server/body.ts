import { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { FastifyInstance, FastifyRequest, RequestPayload } from 'fastify';
import { MusterError, refuse } from '../errors/index.js';
import { shown } from '../filter/parse/context.js';
import { bodyLimit } from './failures.js';
import { parseJsonBody } from './json.js';

type Inflate = ReturnType<typeof createGunzip | typeof createInflate | typeof createBrotliDecompress>;

const inflates: ReadonlyMap<string, () => Inflate> = new Map<string, () => Inflate>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * Reads bodies: JSON, compressed or not. A body without bytes is no body, whatever its headers say, because many clients
 * send the same headers with every call.
 *
 * Errors: `body_wrong_encoding`, `body_not_inflated`, `body_too_large`, `body_wrong_type` and those of `parseJsonBody`.
 */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      const takesNone = request.routeOptions.schema?.body === undefined;
      return takesNone && body.length === 0 ? undefined : parseJsonBody(body);
    },
  );
  app.addContentTypeParser('*', async (request: FastifyRequest) => {
    if (hasBody(request))
      refuse('body_wrong_type', { type: shown(request.headers['content-type'] ?? 'none') });
  });
  app.addHook('preParsing', async (request, _reply, body) => {
    const encoding = (request.headers['content-encoding'] ?? '').trim().toLowerCase();
    if (encoding === '' || encoding === 'identity' || !hasBody(request)) return body;
    const inflate = inflates.get(encoding);
    if (inflate === undefined) return refuse('body_wrong_encoding', { encoding: shown(encoding) });
    return inflatedBody(body, inflate(), { encoding, limit: request.routeOptions.bodyLimit ?? bodyLimit });
  });
}

/**
 * Makes every body of the calls registered from here on JSON, whatever type its header names: some clients cannot choose
 * it, and others leave it to their HTTP library.
 */
export function takeJsonOfAnyType(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    parseJsonBody(body),
  );
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * The body as it was before it was compressed. It ends with an error at the first byte beyond `limit`. Nothing is inflated
 * before it is read: where a call is refused for another reason, nobody would be there to hear of a fault in the bytes, and
 * Node ends a process for that.
 */
function inflatedBody(
  body: RequestPayload,
  inflate: Inflate,
  bounds: { readonly encoding: string; readonly limit: number },
): RequestPayload {
  const plain: RequestPayload = Readable.from(inflated(), { objectMode: false });
  return plain;

  async function* inflated(): AsyncGenerator<Buffer> {
    const { encoding, limit } = bounds;
    // The framework compares it with `Content-Length`.
    let received = 0;
    body.on('data', (chunk: Buffer) => {
      received += chunk.length;
      plain.receivedEncodedLength = received;
    });
    body.once('error', (error) => inflate.destroy(error));
    body.pipe(inflate);
    let bytes = 0;
    try {
      for await (const chunk of inflate) {
        if (!Buffer.isBuffer(chunk)) continue;
        bytes += chunk.length;
        if (bytes > limit) refuse('body_too_large', { limit });
        yield chunk;
      }
    } catch (error) {
      if (error instanceof MusterError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      refuse('body_not_inflated', { encoding, reason });
    } finally {
      // What is left is read past, so that the answer reaches a sender who is still sending.
      body.unpipe(inflate);
      inflate.destroy();
      body.resume();
    }
  }
}
