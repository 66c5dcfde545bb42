import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { isShown } from '../../audience/rules/model.js';
import { pageOf } from '../../audience/rules/page.js';
import { listRules } from '../../audience/rules/store.js';
import { targetingOf } from '../../audience/rules/targeting.js';
import type { Viewer } from '../../audience/rules/targeting.js';
import { readViewer, unsignedViewer } from '../../audience/rules/viewer.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Pool } from '../../database/pool.js';
import { momentOf } from '../../filter/time.js';
import { eventLimit } from '../failures.js';
import type { IdentityGuard } from '../identity/guard.js';
import { trimmedId } from '../../traits/ids.js';
import { ErrorAnswer } from '../schemas.js';
import { TargetingAnswer, TargetingBody } from '../schemas/rules.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 413: ErrorAnswer, 429: ErrorAnswer };

/**
 * `POST /api/targeting`: what a page shows to whoever looks at it; with a write key from the page itself. The answer holds what rules
 * decided and nothing that they decided it by.
 */
export const targetingRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  guard: IdentityGuard;
  clock: () => number;
}> = async (app, { pool, guard, clock }) => {
  app.post(
    '/api/targeting',
    {
      config: { needs: 'write' },
      bodyLimit: eventLimit,
      schema: {
        tags: ['targeting'],
        description:
          'which tooltips, banners, checklists and tours a page shows, and why it does not show the others',
        body: TargetingBody,
        response: { 200: TargetingAnswer, ...refusals },
      },
    },
    async ({ body, headers, workspaceId, keyKind }) => {
      const { url, user_hash: hash, token } = body;
      const userId = body.user_id === undefined ? undefined : trimmedId(body.user_id);
      const anonymousId = body.anonymous_id === undefined ? undefined : trimmedId(body.anonymous_id);
      const page = pageOf({ url, language: body.language ?? headers['accept-language'] });
      const caller = { workspaceId, kind: keyKind };
      if (userId !== undefined) await guard.user(caller, userId, { hash, token });
      const rules = (await listRules(pool, workspaceId))
        .map(({ rule }) => rule)
        .filter(({ decides }) => isShown(decides));
      const who = { workspaceId, userId, anonymousId };
      const mayRead = userId === undefined || (await guard.mayRead(caller, userId, { hash, token }));
      const viewer = mayRead ? await readViewer(pool, who, rules) : unsignedViewer(who);
      const moment = momentOf(clock(), await zoneOf(pool, workspaceId));
      return targetingOf(rules, keyKind === 'secret' ? viewer : withoutPerson(viewer), page, moment);
    },
  );
};

/** A visitor's id says nothing of the person they turned out to be: only that person's own id can be signed for. */
function withoutPerson(viewer: Viewer): Viewer {
  const joined = !viewer.identified && (viewer.record?.user_id ?? null) !== null;
  return joined ? { ...viewer, record: null, withoutEvents: false } : viewer;
}
