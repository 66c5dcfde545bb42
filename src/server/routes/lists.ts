import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { addManyOptOuts, mostOptOuts } from '../../traits/opt-outs.js';
import {
  listSuppressed,
  listUnsubscribed,
  resubscribe,
  suppress,
  unsubscribe,
  unsuppress,
} from '../../traits/suppression.js';
import { eventLimit } from '../failures.js';
import { ErrorAnswer } from '../schemas.js';
import {
  ChangedAnswer,
  ListQuery,
  OptOutsAnswer,
  OptOutsBody,
  ResubscribeBody,
  SuppressBody,
  SuppressedAnswer,
  UnsubscribeBody,
  UnsubscribedAnswer,
  UnsuppressBody,
} from '../schemas/people.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/**
 * `/api/suppressions`: whom the workspace sends nothing. `/api/unsubscribes`: who asked for that, from one topic or all.
 * `POST` adds an entry, `DELETE` with the same body takes it back; both are harmless when repeated.
 */
export const listRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['suppression'];
  const changed = { 200: ChangedAnswer, ...refusals };

  app.get(
    '/api/suppressions',
    { config, schema: { tags, querystring: ListQuery, response: { 200: SuppressedAnswer, ...refusals } } },
    async ({ query, workspaceId }) => {
      const { entries, next } = await listSuppressed(pool, { workspaceId, ...query });
      return { entries: entries.map((entry) => ({ ...entry, at: entry.at.toISOString() })), next };
    },
  );
  app.post(
    '/api/suppressions',
    { config, bodyLimit: eventLimit, schema: { tags, body: SuppressBody, response: changed } },
    async ({ body: { user_id: userId, ...rest }, workspaceId }) =>
      suppress(pool, { workspaceId, userId, ...rest }),
  );
  app.delete(
    '/api/suppressions',
    { config, bodyLimit: eventLimit, schema: { tags, body: UnsuppressBody, response: changed } },
    async ({ body: { user_id: userId, ...rest }, workspaceId }) =>
      unsuppress(pool, { workspaceId, userId, ...rest }),
  );

  for (const list of ['suppressions', 'unsubscribes'] as const) {
    app.post(
      `/api/${list}/batch`,
      {
        config,
        schema: {
          tags,
          description: `Adds up to ${mostOptOuts} entries, each answered for by itself.`,
          body: OptOutsBody,
          response: { 200: OptOutsAnswer, ...refusals },
        },
      },
      async ({ body: { entries }, workspaceId }) => {
        const results = await addManyOptOuts(pool, { workspaceId, list, entries });
        const count = (status: string): number => results.filter((each) => each.status === status).length;
        return {
          added: count('added'),
          present: count('present'),
          rejected: count('rejected'),
          results: results.map((each) => ({ ...each })),
        };
      },
    );
  }

  app.get(
    '/api/unsubscribes',
    { config, schema: { tags, querystring: ListQuery, response: { 200: UnsubscribedAnswer, ...refusals } } },
    async ({ query, workspaceId }) => {
      const { entries, next } = await listUnsubscribed(pool, { workspaceId, ...query });
      return { entries: entries.map((entry) => ({ ...entry, at: entry.at.toISOString() })), next };
    },
  );
  app.post(
    '/api/unsubscribes',
    { config, bodyLimit: eventLimit, schema: { tags, body: UnsubscribeBody, response: changed } },
    async ({ body: { user_id: userId, ...rest }, workspaceId }) =>
      unsubscribe(pool, { workspaceId, userId, ...rest }),
  );
  app.delete(
    '/api/unsubscribes',
    { config, bodyLimit: eventLimit, schema: { tags, body: ResubscribeBody, response: changed } },
    async ({ body: { user_id: userId, ...rest }, workspaceId }) =>
      resubscribe(pool, { workspaceId, userId, ...rest }),
  );
};
