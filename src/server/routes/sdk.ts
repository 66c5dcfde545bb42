import type { FastifyPluginAsyncTypebox, Static } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { identifyCompany } from '../../traits/company.js';
import { trimmedId } from '../../traits/ids.js';
import { identify } from '../../traits/identify.js';
import { companyView, userView } from '../../traits/profile.js';
import { identifyVisitor } from '../../traits/visitor.js';
import type { IdentifyVisitor } from '../../traits/visitor.js';
import { eventLimit } from '../failures.js';
import type { IdentityGuard } from '../identity/guard.js';
import { ErrorAnswer } from '../schemas.js';
import { CompanyAnswer, CompanyBody, IdentifyBody, SdkIdentifyAnswer } from '../schemas/ingest.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 413: ErrorAnswer, 429: ErrorAnswer };

/**
 * `/api/sdk`: who a product sees, as it happens; with a write key from a browser, or with the secret key from a server.
 * A write key is public, so it is answered with the ids that it sent and with nothing that is stored.
 */
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
      schema: { tags, body: IdentifyBody, response: { 200: SdkIdentifyAnswer, ...refusals } },
    },
    async ({ body, workspaceId, keyKind }) => {
      const { user_hash: hash, token } = body;
      // What is signed for is the id under which the person is stored.
      const userId = body.user_id === undefined ? undefined : trimmedId(body.user_id);
      if (userId === undefined) {
        const visitor = visitorOf(workspaceId, body);
        const user = await identifyVisitor(pool, visitor);
        onFact();
        const sent = { anonymous_id: visitor.anonymousId };
        return { user: keyKind === 'secret' ? userView(user, clock()) : sent, created: false };
      }
      const caller = { workspaceId, kind: keyKind };
      await guard.user(caller, userId, { hash, token });
      if (body.company_id !== undefined)
        await guard.company(caller, trimmedId(body.company_id), { token }, userId);
      const { user, created } = await identify(pool, {
        workspaceId,
        userId,
        traits: body.traits ?? {},
        companyId: body.company_id,
        companyTraits: body.company_traits,
        anonymousId: body.anonymous_id,
      });
      onFact();
      return { user: keyKind === 'secret' ? userView(user, clock()) : sentIds(body), created };
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
      await guard.company({ workspaceId, kind: keyKind }, trimmedId(body.company_id), { token: body.token });
      const { company, created } = await identifyCompany(pool, {
        workspaceId,
        companyId: body.company_id,
        traits: body.traits ?? {},
      });
      onFact();
      const sent = { company_id: body.company_id };
      return { company: keyKind === 'secret' ? companyView(company, clock()) : sent, created };
    },
  );
};

function sentIds({ user_id, anonymous_id }: Static<typeof IdentifyBody>): {
  user_id?: string;
  anonymous_id?: string;
} {
  return {
    ...(user_id === undefined ? {} : { user_id }),
    ...(anonymous_id === undefined ? {} : { anonymous_id }),
  };
}

/** Errors: `body_missing_key`, `visitor_company`. */
function visitorOf(workspaceId: string, body: Static<typeof IdentifyBody>): IdentifyVisitor {
  const { anonymous_id: anonymousId, traits = {} } = body;
  if (anonymousId === undefined) {
    const hint = 'send `user_id`, or `anonymous_id` for somebody who is not signed in';
    return refuse('body_missing_key', { key: 'user_id' }, { path: '/user_id', hint });
  }
  for (const key of ['company_id', 'company_traits'] as const) {
    if (body[key] !== undefined) refuse('visitor_company', { key }, { path: `/${key}` });
  }
  return { workspaceId, anonymousId, traits };
}
