import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { factsOf } from '../../audience/rules/facts.js';
import { pageOf } from '../../audience/rules/page.js';
import { evaluateRuleForUser, evaluateWithProgress } from '../../audience/rules/person.js';
import { deleteRule, getRule, listRules, listRuleVersions, saveRule } from '../../audience/rules/store.js';
import { ruleSummary, ruleView } from '../../audience/rules/views.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { described, shown } from '../../filter/parse/context.js';
import { momentOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import { within } from '../failures.js';
import { ErrorAnswer } from '../schemas.js';
import {
  EvaluateAnswer,
  EvaluateBody,
  RuleAnswer,
  RuleBody,
  RuleDeleted,
  RuleList,
  RuleParams,
  RuleVersions,
} from '../schemas/rules.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/rules`: what is decided about a person, and why. Those that ship with Muster may be replaced by one's own. */
export const ruleRoutes: FastifyPluginAsyncTypebox<{ pool: Pool; clock: () => number }> = async (
  app,
  { pool, clock },
) => {
  const config = { needs: 'secret' } as const;
  const tags = ['rules'];
  const params = RuleParams;

  app.get(
    '/api/rules',
    { config, schema: { tags, response: { 200: RuleList, ...refusals } } },
    async ({ workspaceId }) => ({ rules: (await listRules(pool, workspaceId)).map(ruleSummary) }),
  );

  app.get(
    '/api/rules/:key',
    { config, schema: { tags, params, response: { 200: RuleAnswer, ...refusals, 404: ErrorAnswer } } },
    async ({ params: { key }, workspaceId }) => ruleView(await getRule(pool, workspaceId, key)),
  );

  app.get(
    '/api/rules/:key/versions',
    { config, schema: { tags, params, response: { 200: RuleVersions, ...refusals } } },
    async ({ params: { key }, workspaceId }) => ({
      versions: await listRuleVersions(pool, workspaceId, key),
    }),
  );

  app.put(
    '/api/rules/:key',
    {
      config,
      schema: { tags, params, body: RuleBody, response: { 200: RuleAnswer, ...refusals, 409: ErrorAnswer } },
    },
    async ({ params: { key }, body, workspaceId }) => {
      const written: unknown = Object.hasOwn(body, 'key') ? body['key'] : key;
      if (written !== key) {
        const named = typeof written === 'string' ? shown(written) : described(written);
        refuse('rule_key_differs', { key: named, address: shown(key) }, { path: '/key' });
      }
      return ruleView(await saveRule(pool, workspaceId, { ...body, key }));
    },
  );

  app.delete(
    '/api/rules/:key',
    {
      config,
      schema: {
        tags,
        params,
        description: 'goes back to what ships with Muster under that key, or to nothing',
        response: { 200: RuleDeleted, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params: { key }, workspaceId }) => {
      await deleteRule(pool, workspaceId, key);
      return { deleted: true as const };
    },
  );

  app.post(
    '/api/rules/:key/evaluate',
    {
      config,
      schema: {
        tags,
        params,
        body: EvaluateBody,
        description: 'the value for one person, with every condition that was asked; it only reads',
        response: { 200: EvaluateAnswer, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params: { key }, body, workspaceId }) => {
      const { user_id: userId, facts, page: asked } = body;
      const page = asked === undefined ? undefined : within('/page', () => pageOf(asked));
      if ((userId === undefined) === (facts === undefined))
        refuse('rule_asks_whom', { got: userId === undefined ? 'nobody' : 'a person in two ways' });
      const moment = await momentFor(workspaceId, body);
      const { rule } = await getRule(pool, workspaceId, key);
      const evaluated =
        userId === undefined
          ? evaluateWithProgress(rule, { ...within('/facts', () => factsOf(facts)), page }, moment)
          : await evaluateRuleForUser(pool, rule, { workspaceId, userId, page, moment });
      if (body.explain !== false) return evaluated;
      const { key: name, version, value } = evaluated;
      return { key: name, version, value };
    },
  );

  async function momentFor(workspaceId: string, body: { now?: string; zone?: string }): Promise<Moment> {
    const now = body.now ?? clock();
    within('/now', () => momentOf(now));
    const zone = body.zone ?? (await zoneOf(pool, workspaceId));
    return within('/zone', () => momentOf(now, zone));
  }
};
