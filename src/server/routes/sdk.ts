import type { FastifyPluginAsyncTypebox, Static } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { identifyCompany } from '../../traits/company.js';
import type { IdentifiedCompany } from '../../traits/company.js';
import { trimmedId } from '../../traits/ids.js';
import { identify } from '../../traits/identify.js';
import { companyView, userView } from '../../traits/profile.js';
import type { CompanyView, UserView } from '../../traits/profile.js';
import type { EndUser } from '../../traits/row.js';
import { identifyVisitor } from '../../traits/visitor.js';
import type { IdentifyVisitor } from '../../traits/visitor.js';
import { eventLimit } from '../failures.js';
import type { IdentityGuard } from '../identity/guard.js';
import { leniencyOf, storableCall, storeCall } from '../leniency.js';
import { momentOfView } from '../moment-of-view.js';
import { keepLostCalls } from '../refusals.js';
import type { RefusalBook } from '../refusals.js';
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
  refusals: RefusalBook;
}> = async (app, { pool, guard, clock, onFact, refusals: book }) => {
  const tags = ['sdk'];
  keepLostCalls(app, book, (request) => leniencyOf(request) !== 'none');

  app.post(
    '/api/sdk/users/identify',
    {
      config: { needs: 'write', call: 'identify' },
      bodyLimit: eventLimit,
      schema: { tags, body: IdentifyBody, response: { 200: SdkIdentifyAnswer, ...refusals } },
    },
    async (request) => {
      const { body, workspaceId, keyKind } = request;
      const { user_hash: hash, token } = body;
      const byWriteKey = keyKind === 'write';
      const { traits = {}, companyTraits, refused } = storableCall(request, body);
      // What is signed for is the id under which the person is stored.
      const userId = body.user_id === undefined ? undefined : trimmedId(body.user_id);
      const viewOf = async (user: EndUser): Promise<UserView> =>
        userView(user, await momentOfView(pool, workspaceId, user, clock()));
      if (userId === undefined) {
        const visitor = { ...visitorOf(workspaceId, body, traits), byWriteKey };
        const { answer: user, refused: over } = await storeCall(request, visitor, (some) =>
          identifyVisitor(pool, some),
        );
        onFact();
        const sent = { anonymous_id: visitor.anonymousId };
        const view = keyKind === 'secret' ? await viewOf(user) : sent;
        return { user: view, created: false, ...(await book.keepPart(request, [...refused, ...over])) };
      }
      const caller = { workspaceId, kind: keyKind };
      await guard.user(caller, userId, { hash, token });
      if (body.company_id !== undefined)
        await guard.company(caller, trimmedId(body.company_id), { token }, userId);
      const { company_id: companyId, anonymous_id: anonymousId } = body;
      const call = { workspaceId, userId, traits, companyId, companyTraits, anonymousId, byWriteKey };
      const { answer, refused: over } = await storeCall(request, call, (some) => identify(pool, some));
      const { user, created } = answer;
      onFact();
      const view = keyKind === 'secret' ? await viewOf(user) : sentIds(body);
      return { user: view, created, ...(await book.keepPart(request, [...refused, ...over])) };
    },
  );

  app.post(
    '/api/sdk/companies/identify',
    {
      config: { needs: 'write', call: 'group' },
      bodyLimit: eventLimit,
      schema: { tags, body: CompanyBody, response: { 200: CompanyAnswer, ...refusals } },
    },
    async (request) => {
      const { body, workspaceId, keyKind } = request;
      await guard.company({ workspaceId, kind: keyKind }, trimmedId(body.company_id), { token: body.token });
      const { traits = {}, refused } = storableCall(request, body, 'company');
      const call = { workspaceId, companyId: body.company_id, traits, byWriteKey: keyKind === 'write' };
      const work = (some: typeof call): Promise<IdentifiedCompany> => identifyCompany(pool, some);
      const { answer, refused: over } = await storeCall(request, call, work, 'company');
      const { company, created } = answer;
      onFact();
      const sent = { company_id: body.company_id };
      const viewOf = async (): Promise<CompanyView> =>
        companyView(company, await momentOfView(pool, workspaceId, company, clock()));
      const view = keyKind === 'secret' ? await viewOf() : sent;
      return { company: view, created, ...(await book.keepPart(request, [...refused, ...over])) };
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
function visitorOf(workspaceId: string, body: Static<typeof IdentifyBody>, traits: unknown): IdentifyVisitor {
  const { anonymous_id: anonymousId } = body;
  if (anonymousId === undefined) {
    const hint = 'send `user_id`, or `anonymous_id` for somebody who is not signed in';
    return refuse('body_missing_key', { key: 'user_id' }, { path: '/user_id', hint });
  }
  for (const key of ['company_id', 'company_traits'] as const) {
    if (body[key] !== undefined) refuse('visitor_company', { key }, { path: `/${key}` });
  }
  return { workspaceId, anonymousId, traits };
}
