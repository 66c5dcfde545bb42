import type { FastifyInstance } from 'fastify';

/** Calls that pages of other origins make. They carry a write key and no cookie, so any origin may. */
const open = /^\/(?:(?:api\/sdk|v1)\/|api\/targeting(?:\?|$))/;

/** `X-Retry-Count` is what Segment's browser client adds when it tries again. */
const allowedHeaders = 'authorization, content-type, content-encoding, x-retry-count';

/** Lets browsers send to the ingest calls and ask what a page shows, from any page; and nothing else. */
export function allowPages(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!open.test(request.url)) return;
    reply
      .header('access-control-allow-origin', '*')
      .header('access-control-expose-headers', 'retry-after, x-request-id');
  });
  for (const url of ['/api/sdk/*', '/v1/*', '/api/targeting']) {
    app.options(url, { schema: { hide: true } }, async (_request, reply) =>
      reply
        .status(204)
        .header('access-control-allow-methods', 'POST')
        .header('access-control-allow-headers', allowedHeaders)
        .header('access-control-max-age', '86400')
        .send(),
    );
  }
}
