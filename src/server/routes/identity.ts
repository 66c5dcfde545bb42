import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import type { AccessBook } from '../access.js';
import type { Findings } from '../identity/findings.js';
import { readIdentity, rotateIdentitySecret, setIdentityMode } from '../identity/settings.js';
import type { IdentitySettings } from '../identity/settings.js';
import { defaultOverlap } from '../manage-keys.js';
import { ErrorAnswer } from '../schemas.js';
import { Identity, IdentityBody, IdentityMade, IdentityReport, RotateBody } from '../schemas/keys.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/identity`: whether browsers have to show that they act for a user, and what asking them would refuse. */
export const identityRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  access: AccessBook;
  findings: Findings;
  clock: () => number;
}> = async (app, { pool, access, findings, clock }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['identity'];

  app.get(
    '/api/identity',
    { config, schema: { tags, response: { 200: Identity, ...refusals } } },
    async ({ workspaceId }) => viewOf(await readIdentity(pool, workspaceId)),
  );

  app.put(
    '/api/identity',
    {
      config,
      schema: { tags, body: IdentityBody, response: { 200: Identity, ...refusals, 409: ErrorAnswer } },
    },
    async ({ body, workspaceId }) => {
      await setIdentityMode(pool, workspaceId, body.mode);
      access.forget(workspaceId);
      return viewOf(await readIdentity(pool, workspaceId));
    },
  );

  app.post(
    '/api/identity/rotate',
    { config, schema: { tags, body: RotateBody, response: { 201: IdentityMade, ...refusals } } },
    async ({ body, workspaceId }, reply) => {
      const overlap = body.overlap_seconds ?? defaultOverlap;
      const made = await rotateIdentitySecret(pool, { workspaceId, overlap, now: clock() });
      access.forget(workspaceId);
      return reply.status(201).send(made);
    },
  );

  app.get(
    '/api/identity/report',
    { config, schema: { tags, response: { 200: IdentityReport, ...refusals } } },
    async ({ workspaceId }) => {
      const [reasons, { mode }] = await Promise.all([
        findings.report(workspaceId),
        readIdentity(pool, workspaceId),
      ]);
      return { mode, total: reasons.reduce((sum, { count }) => sum + count, 0), reasons };
    },
  );
};

function viewOf({ mode, secrets }: IdentitySettings) {
  return {
    mode,
    secrets: secrets.map(({ id, createdAt, validUntil }) => ({
      id,
      created_at: createdAt.toISOString(),
      valid_until: validUntil?.toISOString() ?? null,
    })),
  };
}
