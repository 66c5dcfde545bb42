import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { explainUser } from '../../audience/explain.js';
import { exportAudience } from '../../audience/export.js';
import { preview } from '../../audience/preview.js';
import { reportAudience } from '../../audience/report.js';
import { savedSegments } from '../../audience/segments/saved.js';
import { zoneOf } from '../../audience/workspace.js';
import { parseFilter } from '../../filter/parse.js';
import { sentence } from '../../filter/sentence.js';
import { compileSql } from '../../filter/sql.js';
import { momentOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';
import { within } from '../failures.js';
import { exportWaitMs } from '../lanes.js';
import type { Lane } from '../lanes.js';
import { sendCsv } from '../lines.js';
import {
  CompileAnswer,
  CompileBody,
  ErrorAnswer,
  ExplainAnswer,
  ExplainBody,
  ExportBody,
  PreviewAnswer,
  PreviewBody,
  ReportAnswer,
  ReportBody,
} from '../schemas.js';
import { CsvAnswer } from '../schemas/segments.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/audiences/*`: what a filter compiles to, whom it matches and why. All of them only read. */
export const audienceRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  clock: () => number;
  analysis: Lane;
}> = async (app, { pool, clock, analysis }) => {
  const config = { needs: 'secret' } as const;
  const inLane = { needs: 'secret', lane: 'analysis' } as const;

  app.post(
    '/api/audiences/compile',
    {
      config,
      schema: { tags: ['audiences'], body: CompileBody, response: { 200: CompileAnswer, ...refusals } },
    },
    async ({ body, workspaceId }) => {
      const filter = await filterIn(workspaceId, body.filter);
      const { text, values, fields, indexes } = compileSql(filter, {
        moment: await momentFor(workspaceId, body),
      });
      return { text, values, fields, indexes, sentence: sentence(filter) };
    },
  );

  app.post(
    '/api/audiences/preview',
    {
      config: inLane,
      schema: { tags: ['audiences'], body: PreviewBody, response: { 200: PreviewAnswer, ...refusals } },
    },
    async ({ body, workspaceId }) => {
      const filter = await filterIn(workspaceId, body.filter);
      const moment = await momentFor(workspaceId, body);
      return preview(pool, {
        workspaceId,
        filter,
        moment,
        ...(body.sample === undefined ? {} : { sample: body.sample }),
      });
    },
  );

  app.post(
    '/api/audiences/explain',
    {
      config: inLane,
      schema: {
        tags: ['audiences'],
        body: ExplainBody,
        response: { 200: ExplainAnswer, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ body, workspaceId }) => {
      const filter = await filterIn(workspaceId, body.filter);
      const moment = await momentFor(workspaceId, body);
      return explainUser(pool, { workspaceId, filter, userId: body.user_id, moment });
    },
  );

  app.post(
    '/api/audiences/report',
    {
      config: inLane,
      schema: { tags: ['audiences'], body: ReportBody, response: { 200: ReportAnswer, ...refusals } },
    },
    async ({ body, workspaceId }) => {
      const filter = await filterIn(workspaceId, body.filter);
      return reportAudience(pool, { workspaceId, filter, moment: await momentFor(workspaceId, body) });
    },
  );

  app.post(
    '/api/audiences/export',
    {
      config,
      schema: {
        tags: ['audiences'],
        description:
          "Who matches, as a CSV file; text that a spreadsheet would run as a formula begins with `'`.",
        produces: ['text/csv'],
        body: ExportBody,
        response: { 200: CsvAnswer, ...refusals },
      },
    },
    async ({ body, workspaceId }, reply) => {
      const filter = await filterIn(workspaceId, body.filter);
      const moment = await momentFor(workspaceId, body);
      const { fields } = body;
      const inTurn = analysis.turns(workspaceId, exportWaitMs);
      return sendCsv(
        reply,
        'audience',
        exportAudience(pool, { workspaceId, filter, moment, fields, inTurn }),
      );
    },
  );

  async function filterIn(workspaceId: string, input: unknown): Promise<Filter> {
    const segments = await savedSegments(pool, workspaceId, input);
    return within('/filter', () => parseFilter(input, { segments }));
  }

  async function momentFor(workspaceId: string, body: { now?: string; zone?: string }): Promise<Moment> {
    const now = body.now ?? clock();
    within('/now', () => momentOf(now));
    const zone = body.zone ?? (await zoneOf(pool, workspaceId));
    return within('/zone', () => momentOf(now, zone));
  }
};
