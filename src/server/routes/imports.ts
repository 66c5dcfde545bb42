import { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { importUsers } from '../../traits/import.js';
import type { FileFormat } from '../../traits/import.js';
import { ErrorAnswer } from '../schemas.js';
import { ImportAnswer, ImportQuery } from '../schemas/ingest.js';
import { withUpload } from '../upload.js';

export interface UploadOptions {
  /** Bytes of one file; default 1 GiB. */
  readonly limit?: number;
  /** Where files wait while they are loaded; default the system's folder for temporary files. */
  readonly folder?: string;
  /** Files at once; default 4. */
  readonly most?: number;
}

const formats: ReadonlyMap<string, FileFormat> = new Map([
  ['text/csv', 'csv'],
  ['text/tab-separated-values', 'tsv'],
  ['application/x-ndjson', 'ndjson'],
]);

/** `POST /api/imports`: a file of users. It is read twice, so it is kept in a private file meanwhile. */
export const importRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  onFact: () => void;
  upload: UploadOptions;
}> = async (app, { pool, onFact, upload }) => {
  const { limit = 1_073_741_824, folder, most = 4 } = upload;
  let running = 0;

  // Only here: everywhere else these types are refused, and JSON is refused here.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([...formats.keys()], async (_request: unknown, body: unknown) => body);

  app.post(
    '/api/imports',
    {
      config: { needs: 'secret' },
      bodyLimit: limit,
      schema: {
        tags: ['users'],
        description:
          'CSV and TSV: a user_id column, every other column a trait. NDJSON: {"user_id", "traits"} a line. Never moves last_seen.',
        consumes: [...formats.keys()],
        querystring: ImportQuery,
        response: {
          200: ImportAnswer,
          400: ErrorAnswer,
          401: ErrorAnswer,
          403: ErrorAnswer,
          413: ErrorAnswer,
          415: ErrorAnswer,
          429: ErrorAnswer,
        },
      },
    },
    async ({ body, query, headers, workspaceId }, reply) => {
      const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
      const format = formats.get(type);
      if (format === undefined || !(body instanceof Readable)) {
        return refuse(
          'body_wrong_type',
          { type: type === '' ? 'none' : type },
          { hint: `send the header \`Content-Type\` with one of ${[...formats.keys()].join(', ')}` },
        );
      }
      if (running >= most)
        refuse('imports_busy', { limit: most, seconds: 10 }, { details: { retry_after: 10 } });
      running += 1;
      try {
        return await withUpload(body, { name: `import.${format}`, limit, folder }, async (source) => {
          const { rows, created, updated, rejected, rejects } = await importUsers(pool, {
            workspaceId,
            source,
            format,
            fireTriggers: query.fire_triggers,
          });
          return { rows, created, updated, rejected, rejects: [...rejects] };
        });
      } catch (error) {
        // Part of the body may still be on its way; the next request must not wait behind it.
        reply.header('connection', 'close');
        throw error;
      } finally {
        running -= 1;
        onFact();
      }
    },
  );
};
