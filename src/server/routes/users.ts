import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { identify } from '../../traits/identify.js';
import { userView } from '../../traits/profile.js';
import { getUser } from '../../traits/read.js';
import { ErrorAnswer, IdentifyAnswer, IdentifyBody, User, UserParams } from '../schemas.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer };

/** Sending people in, and looking at one. */
export const userRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  clock: () => number;
  onFact: () => void;
}> = async (app, { pool, clock, onFact }) => {
  app.post(
    '/api/sdk/users/identify',
    {
      config: { needs: 'write' },
      schema: { tags: ['sdk'], body: IdentifyBody, response: { 200: IdentifyAnswer, ...refusals } },
    },
    async ({ body, workspaceId }) => {
      const { user, created } = await identify(pool, {
        workspaceId,
        userId: body.user_id,
        traits: body.traits ?? {},
        companyId: body.company_id,
        anonymousId: body.anonymous_id,
      });
      onFact();
      return { user: userView(user, clock()), created };
    },
  );

  app.get(
    '/api/users/:user_id',
    {
      config: { needs: 'secret' },
      schema: {
        tags: ['users'],
        params: UserParams,
        response: { 200: User, ...refusals, 403: ErrorAnswer, 404: ErrorAnswer },
      },
    },
    async ({ params, workspaceId }) => {
      const user = await getUser(pool, { workspaceId, userId: params.user_id });
      if (user === null) return refuse('no_such_user', { user_id: params.user_id, workspace: workspaceId });
      return userView(user, clock());
    },
  );
};
