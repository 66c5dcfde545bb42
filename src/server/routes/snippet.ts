import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FastifyPluginAsync } from 'fastify';
import { MusterError, problem } from '../../errors/index.js';

/** Made by `npm run build`; the way is the same from `src` and from `dist`. */
const bundle = new URL('../../../dist/sdk/muster.js', import.meta.url);

/** `GET /muster.js`, the script that pages load. It is the same for every workspace and needs no key. */
export const snippetRoutes: FastifyPluginAsync = async (app) => {
  app.get('/muster.js', { schema: { hide: true } }, async (request, reply) => {
    const script = await readFile(bundle).catch((error: unknown) => {
      throw new MusterError(
        problem('not_ready', { reason: 'the browser script is not built' }, { hint: 'run `npm run build`' }),
        { cause: error },
      );
    });
    const etag = `"${createHash('sha256').update(script).digest('base64url').slice(0, 22)}"`;
    reply.header('etag', etag);
    reply.header('cache-control', 'public, max-age=3600');
    // Pages that isolate themselves, or that pin the script by its hash, ask for these two.
    reply.header('cross-origin-resource-policy', 'cross-origin');
    reply.header('access-control-allow-origin', '*');
    if (request.headers['if-none-match'] === etag) return reply.status(304).send();
    return reply
      .type('text/javascript; charset=utf-8')
      .header('x-content-type-options', 'nosniff')
      .send(script);
  });
};
