import type { FastifyPluginAsync } from 'fastify';
import { html } from '../html.js';
import { pageHeaders, styled } from '../page.js';

/** What this server shows without a client of its own: each path, and what is there. */
const links = [
  { href: '/openapi.json', says: 'every call of the API' },
  { href: '/admin/queues', says: 'the queues of a workspace; the password is its secret key' },
  { href: '/healthz', says: 'whether this process answers' },
  { href: '/readyz', says: 'whether everything that it needs answers too' },
  { href: '/metrics', says: 'figures for Prometheus; from another machine with a token' },
] as const;

const documentation = 'The documentation is in README.md and in the folder docs of the package.';

const page = html`<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>Muster</title>
      ${styled}
    </head>
    <body>
      <h1>Muster</h1>
      <p>The API runs. Calls send a key: <code>Authorization: Bearer KEY</code>.</p>
      <table>
        ${links.map(
          ({ href, says }) =>
            html`<tr>
              <td><a href="${href}">${href}</a></td>
              <td>${says}</td>
            </tr>`,
        )}
      </table>
      <p class="dim">${documentation}</p>
    </body>
  </html>`;

/** `GET /`: what there is to see, as a page or as JSON. It needs no key, and holds nothing that is stored. */
export const homeRoutes: FastifyPluginAsync = async (app) => {
  app.get('/', { schema: { hide: true } }, async ({ headers }, reply) => {
    reply.headers(pageHeaders).header('vary', 'Accept');
    if (headers.accept?.includes('text/html') === true)
      return reply.type('text/html; charset=utf-8').send(page.text);
    return reply.send({
      name: 'Muster',
      links: Object.fromEntries(links.map(({ href, says }) => [href, says])),
      documentation,
    });
  });
};
