import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { findPeople } from '../../audience/find-people.js';
import { savedSegments } from '../../audience/segments/saved.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { parseFilter, readFilterText } from '../../filter/parse.js';
import { momentOf } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';
import { backfillUser, backfillUsers } from '../../traits/backfill.js';
import { listContextEntries } from '../../traits/context.js';
import { eraseUser } from '../../traits/erase.js';
import { exportUser } from '../../traits/export.js';
import { mergeUsers } from '../../traits/merge.js';
import { contextEntryView, userView } from '../../traits/profile.js';
import { getUser } from '../../traits/read.js';
import { readTimeline } from '../../traits/timeline.js';
import { eventLimit, within } from '../failures.js';
import { sendLines } from '../lines.js';
import { momentOfView } from '../moment-of-view.js';
import { ErrorAnswer, UserParams } from '../schemas.js';
import {
  PeopleAnswer,
  PeopleQuery,
  TimelineAnswer,
  TimelineQuery,
  UserWithContext,
} from '../schemas/people.js';
import {
  BackfillBody,
  EraseAnswer,
  EraseQuery,
  ExportAnswer,
  IdentifyAnswer,
  MergeAnswer,
  MergeBody,
  UsersBatchAnswer,
  UsersBatchBody,
} from '../schemas/ingest.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };
/** Users of one batch. */
const batchLimit = 1000;

/** Looking at users, changing them without a visit, and erasing them; a server's work, with the secret key. */
export const userRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  clock: () => number;
  onFact: () => void;
}> = async (app, { pool, clock, onFact }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['users'];
  /** The filter of a query, as JSON. Its problems are under `/filter`, as in a body. */
  const filterIn = async (workspaceId: string, text: string): Promise<Filter> => {
    const input = within('/filter', () => readFilterText(text));
    const segments = await savedSegments(pool, workspaceId, input);
    return within('/filter', () => parseFilter(input, { segments }));
  };

  app.get(
    '/api/users',
    {
      config: { needs: 'secret', lane: 'analysis' },
      schema: {
        tags,
        description:
          'People by id, e-mail address or name: whole ids and addresses first, then whoever has each word somewhere. ' +
          'Words of one or two letters are looked for at the beginnings of words.',
        querystring: PeopleQuery,
        response: { 200: PeopleAnswer, ...refusals, 503: ErrorAnswer },
      },
    },
    async ({ query: { search, filter, after, limit = 100 }, workspaceId }) => {
      const parsed = filter === undefined ? undefined : await filterIn(workspaceId, filter);
      const moment = momentOf(clock(), await zoneOf(pool, workspaceId));
      return findPeople(pool, { workspaceId, search, filter: parsed, moment, after, limit });
    },
  );

  app.get(
    '/api/users/:user_id',
    {
      config,
      schema: { tags, params: UserParams, response: { 200: UserWithContext, ...refusals, 404: ErrorAnswer } },
    },
    async ({ params, workspaceId }) => {
      const which = { workspaceId, userId: params.user_id };
      const user = await getUser(pool, which);
      if (user === null) return refuse('no_such_user', { user_id: params.user_id, workspace: workspaceId });
      const context = await listContextEntries(pool, which);
      return {
        ...userView(user, await momentOfView(pool, workspaceId, user, clock())),
        context: context.map(contextEntryView),
      };
    },
  );

  app.get(
    '/api/users/:user_id/timeline',
    {
      config,
      schema: {
        tags,
        description:
          'What the user did, got and was refused, and what series, broadcasts and segments decided about them, the newest first.',
        params: UserParams,
        querystring: TimelineQuery,
        response: { 200: TimelineAnswer, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params, query: { after, limit }, workspaceId }) =>
      readTimeline(pool, { workspaceId, userId: params.user_id, after, limit }),
  );

  app.patch(
    '/api/users/:user_id',
    {
      config,
      bodyLimit: eventLimit,
      schema: {
        tags,
        description: 'Backfill: traits without a visit. A user who is not there is made.',
        params: UserParams,
        body: BackfillBody,
        response: { 200: IdentifyAnswer, ...refusals },
      },
    },
    async ({ params, body, workspaceId }) => {
      const { user, created } = await backfillUser(pool, {
        workspaceId,
        userId: params.user_id,
        traits: body.traits,
        companyId: body.company_id,
        companyTraits: body.company_traits,
        fireTriggers: body.fire_triggers,
      });
      onFact();
      return { user: userView(user, await momentOfView(pool, workspaceId, user, clock())), created };
    },
  );

  app.post(
    '/api/users/batch',
    {
      config,
      schema: {
        tags,
        description: `Backfill of up to ${batchLimit} users, each answered for by itself.`,
        body: UsersBatchBody,
        response: { 200: UsersBatchAnswer, ...refusals, 413: ErrorAnswer },
      },
    },
    async ({ body, workspaceId }) => {
      const { users } = body;
      if (users.length > batchLimit)
        refuse('batch_too_long', { count: users.length, limit: batchLimit }, { path: '/users' });
      const { results } = await backfillUsers(pool, { workspaceId, users, fireTriggers: body.fire_triggers });
      onFact();
      const count = (status: string): number => results.filter((each) => each.status === status).length;
      return {
        created: count('created'),
        updated: count('updated'),
        rejected: count('rejected'),
        results,
      };
    },
  );

  app.delete(
    '/api/users/:user_id',
    {
      config,
      schema: {
        tags,
        description:
          'Erases the user and all that is stored of them; a wish not to be written to is kept as a hash.',
        params: UserParams,
        querystring: EraseQuery,
        response: { 200: EraseAnswer, ...refusals },
      },
    },
    async ({ params, query, workspaceId }) =>
      eraseUser(pool, { workspaceId, userId: params.user_id, suppress: query.suppress }),
  );

  app.post(
    '/api/users/:user_id/merge',
    {
      config,
      bodyLimit: eventLimit,
      schema: {
        tags,
        description:
          'Makes two known people one: `from` becomes part of this user, who has both histories. It cannot be undone.',
        params: UserParams,
        body: MergeBody,
        response: { 200: MergeAnswer, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params, body, workspaceId }) => {
      const user = await mergeUsers(pool, { workspaceId, userId: params.user_id, from: body.from });
      onFact();
      const moment = await momentOfView(pool, workspaceId, user, clock());
      return { user: userView(user, moment), merged: body.from };
    },
  );

  app.get(
    '/api/users/:user_id/export',
    {
      config,
      schema: {
        tags,
        description: 'Everything that is stored of the user, as NDJSON.',
        produces: ['application/x-ndjson'],
        params: UserParams,
        response: { 200: ExportAnswer, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params, workspaceId }, reply) => {
      const lines = exportUser(pool, { workspaceId, userId: params.user_id });
      return sendLines(reply.type('application/x-ndjson; charset=utf-8'), lines);
    },
  );
};
