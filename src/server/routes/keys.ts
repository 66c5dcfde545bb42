import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import type { AccessBook } from '../access.js';
import { createKey, defaultOverlap, listKeys, revokeKey, rotateKey } from '../manage-keys.js';
import { ErrorAnswer } from '../schemas.js';
import { Key, KeyBody, KeyMade, KeyParams, KeyRotated, Keys, RotateBody } from '../schemas/keys.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/keys`: the keys of a workspace. A key's text is in the answer that makes it and nowhere else. */
export const keyRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  access: AccessBook;
  clock: () => number;
}> = async (app, { pool, access, clock }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['keys'];

  app.get(
    '/api/keys',
    { config, schema: { tags, response: { 200: Keys, ...refusals } } },
    async ({ workspaceId }) => ({
      keys: await listKeys(pool, workspaceId, clock()),
    }),
  );

  app.post(
    '/api/keys',
    { config, schema: { tags, body: KeyBody, response: { 201: KeyMade, ...refusals } } },
    async ({ body, workspaceId }, reply) => {
      const made = await createKey(pool, { workspaceId, kind: body.kind, name: body.name, now: clock() });
      access.forget(workspaceId);
      return reply.status(201).send(made);
    },
  );

  app.post(
    '/api/keys/:key_id/rotate',
    {
      config,
      schema: {
        tags,
        params: KeyParams,
        body: RotateBody,
        response: { 201: KeyRotated, ...refusals, 404: ErrorAnswer, 409: ErrorAnswer },
      },
    },
    async ({ params, body, workspaceId }, reply) => {
      const overlap = body.overlap_seconds ?? defaultOverlap;
      const { made, replaced } = await rotateKey(pool, {
        workspaceId,
        keyId: params.key_id,
        overlap,
        now: clock(),
      });
      access.forget(workspaceId);
      return reply.status(201).send({ ...made, replaced });
    },
  );

  app.delete(
    '/api/keys/:key_id',
    {
      config,
      schema: {
        tags,
        params: KeyParams,
        response: { 200: Key, ...refusals, 404: ErrorAnswer, 409: ErrorAnswer },
      },
    },
    async ({ params, workspaceId }) => {
      const key = await revokeKey(pool, { workspaceId, keyId: params.key_id, now: clock() });
      access.forget(workspaceId);
      return key;
    },
  );
};
