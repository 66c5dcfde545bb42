import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { identifyCompany } from '../../traits/company.js';
import { identify } from '../../traits/identify.js';
import { companyView, userView } from '../../traits/profile.js';
import { eventLimit } from '../failures.js';
import type { IdentityGuard } from '../identity/guard.js';
import { ErrorAnswer } from '../schemas.js';
import { CompanyAnswer, CompanyBody, IdentifyAnswer, IdentifyBody } from '../schemas/ingest.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 413: ErrorAnswer, 429: ErrorAnswer };

/** `/api/sdk`: who a product sees, as it happens; with a write key from a browser, or with the secret key from a server. */
export const sdkRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  guard: IdentityGuard;
  clock: () => number;
  onFact: () => void;
}> = async (app, { pool, guard, clock, onFact }) => {
  const config = { needs: 'write' } as const;
  const tags = ['sdk'];

  app.post(
    '/api/sdk/users/identify',
    {
      config,
      bodyLimit: eventLimit,
      schema: { tags, body: IdentifyBody, response: { 200: IdentifyAnswer, ...refusals } },
    },
    async ({ body, workspaceId, keyKind }) => {
      await guard.user({ workspaceId, kind: keyKind }, body.user_id, {
        hash: body.user_hash,
        token: body.token,
      });
      const { user, created } = await identify(pool, {
        workspaceId,
        userId: body.user_id,
        traits: body.traits ?? {},
        companyId: body.company_id,
        companyTraits: body.company_traits,
        anonymousId: body.anonymous_id,
      });
      onFact();
      return { user: userView(user, clock()), created };
    },
  );

  app.post(
    '/api/sdk/companies/identify',
    {
      config,
      bodyLimit: eventLimit,
      schema: { tags, body: CompanyBody, response: { 200: CompanyAnswer, ...refusals } },
    },
    async ({ body, workspaceId, keyKind }) => {
      await guard.company({ workspaceId, kind: keyKind });
      const { company, created } = await identifyCompany(pool, {
        workspaceId,
        companyId: body.company_id,
        traits: body.traits ?? {},
      });
      onFact();
      return { company: companyView(company, clock()), created };
    },
  );
};
