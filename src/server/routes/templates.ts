import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { savedSegments } from '../../audience/segments/saved.js';
import { zoneOf } from '../../audience/workspace.js';
import { checkTemplate, parseTemplate, previewTemplate, publicUrlOf } from '../../automation/index.js';
import type { EmailSettings } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { parseFilter } from '../../filter/parse.js';
import { momentOf } from '../../filter/time.js';
import { readUserRecord } from '../../traits/read.js';
import { within } from '../failures.js';
import { ErrorAnswer } from '../schemas.js';
import {
  TemplateCheckAnswer,
  TemplateCheckBody,
  TemplatePreviewAnswer,
  TemplatePreviewBody,
} from '../schemas/templates.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

export interface TemplateRoutes {
  readonly pool: Pool;
  readonly clock: () => number;
  /** What the installation sends e-mail with. */
  readonly email: EmailSettings;
}

/** `/api/templates/*`: what a message lacks for an audience, and how one person would get it. Both only read. */
export const templateRoutes: FastifyPluginAsyncTypebox<TemplateRoutes> = async (
  app,
  { pool, clock, email },
) => {
  const config = { needs: 'secret' } as const;
  const inLane = { needs: 'secret', lane: 'analysis' } as const;
  const tags = ['templates'];

  app.post(
    '/api/templates/check',
    {
      config: inLane,
      schema: { tags, body: TemplateCheckBody, response: { 200: TemplateCheckAnswer, ...refusals } },
    },
    async ({ body, workspaceId }) => {
      const { channel = null, filter: asked = { everyone: true } } = body;
      const template = parseTemplate(body.template, channel);
      const now = body.now ?? clock();
      within('/now', () => momentOf(now));
      const zone = body.zone ?? (await zoneOf(pool, workspaceId));
      const moment = within('/zone', () => momentOf(now, zone));
      const segments = await savedSegments(pool, workspaceId, asked);
      const filter = within('/filter', () => parseFilter(asked, { segments }));
      return checkTemplate(pool, { workspaceId, template, filter, moment });
    },
  );

  app.post(
    '/api/templates/preview',
    {
      config,
      schema: {
        tags,
        body: TemplatePreviewBody,
        response: { 200: TemplatePreviewAnswer, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ body, workspaceId }) => {
      const { channel, user_id: userId } = body;
      const template = parseTemplate(body.template, channel);
      const zone = await zoneOf(pool, workspaceId);
      const moment = within('/now', () => momentOf(body.now ?? clock(), zone));
      const user = await readUserRecord(pool, { workspaceId, userId });
      if (user === null) refuse('no_such_user', { user_id: shown(userId), workspace: workspaceId });
      const publicUrl = await publicUrlOf(pool, workspaceId, email);
      return previewTemplate(template, { channel, user, moment, publicUrl });
    },
  );
};
