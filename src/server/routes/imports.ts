import { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox, Static } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { importEvents } from '../../traits/import-events.js';
import type { ImportedEvents, ImportEvents } from '../../traits/import-events.js';
import { importUsers } from '../../traits/import.js';
import type { Imported } from '../../traits/import.js';
import { parseMap, parseWords } from '../../traits/import/options.js';
import { openLane, shareOf } from '../lanes.js';
import { ErrorAnswer } from '../schemas.js';
import { ImportAnswer, ImportEventsAnswer, ImportEventsQuery, ImportQuery } from '../schemas/ingest.js';
import { nameIn, uploadTypeOf, uploadTypes } from '../upload-type.js';
import type { UploadType } from '../upload-type.js';
import { withUpload } from '../upload.js';

export interface UploadOptions {
  /** Bytes of one file; default 1 GiB. */
  readonly limit?: number;
  /** Where files wait while they are loaded; default the system's folder for temporary files. */
  readonly folder?: string;
  /** Files of one workspace at once; default 4. */
  readonly most?: number;
}

/** Seconds after which a refused import is worth repeating. */
const retryAfter = 10;
/** Milliseconds that a file which has arrived waits until it can be loaded. */
const patienceMs = 60_000;

const answers = {
  400: ErrorAnswer,
  401: ErrorAnswer,
  403: ErrorAnswer,
  408: ErrorAnswer,
  413: ErrorAnswer,
  415: ErrorAnswer,
  429: ErrorAnswer,
};

/**
 * `POST /api/imports`: a file of users; `POST /api/imports/events`: one of events. Each is read twice, so it is kept in a
 * private file meanwhile.
 *
 * An upload takes a place of its workspace and holds up no other one. Loading holds a connection, so that of all workspaces together
 * only a few are loaded at once.
 */
export const importRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  onFact: () => void;
  upload: UploadOptions;
}> = async (app, { pool, onFact, upload }) => {
  const { limit = 1_073_741_824, folder, most = 4 } = upload;
  const uploads = new Map<string, number>();
  const lane = openLane({ most: shareOf(pool), waitMs: patienceMs, refuse: busy });

  // Only here: the body stays a stream whatever its type, which the handler judges.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (_request: unknown, body: unknown) => body);

  const received = async <Loaded>(
    { body, headers, workspaceId }: FastifyRequest,
    query: FileQuery,
    reply: FastifyReply,
    load: (file: ImportEvents) => Promise<Loaded>,
  ) => {
    const running = uploads.get(workspaceId) ?? 0;
    if (running >= most) busy();
    uploads.set(workspaceId, running + 1);
    try {
      if (!(body instanceof Readable)) return refuse('import_empty', { file: 'the body' });
      const name = query.name ?? nameIn(headers['content-disposition']);
      const given = { workspaceId, ...givenBy(query, name, uploadTypeOf(headers['content-type'], name)) };
      return await withUpload(body, { limit, folder }, (source) =>
        lane.run(workspaceId, () => load({ ...given, source })),
      );
    } catch (error) {
      // The body did not arrive, which was said already.
      if (reply.sent) return await reply;
      // Part of the body may still be on its way; the next request must not wait behind it.
      reply.header('connection', 'close');
      throw error;
    } finally {
      const left = (uploads.get(workspaceId) ?? 1) - 1;
      if (left === 0) uploads.delete(workspaceId);
      else uploads.set(workspaceId, left);
      onFact();
    }
  };

  app.post(
    '/api/imports',
    {
      config: { needs: 'secret', slowBody: true },
      bodyLimit: limit,
      schema: {
        tags: ['users'],
        description:
          'CSV and TSV: a column with the id or the e-mail address, every other column a trait unless it is mapped, known or reserved. NDJSON: {"user_id", "traits"} a line; JSON: a list of the same. Format, separator and encoding are detected where they are not said. Never moves last_seen.',
        consumes: uploadTypes,
        querystring: ImportQuery,
        response: { 200: ImportAnswer, ...answers },
      },
    },
    (request, reply) => {
      const { query } = request;
      return received(request, query, reply, async (file) =>
        answerOf(
          await importUsers(pool, {
            ...file,
            id: query.id,
            key: query.key,
            create: query.create,
            preset: query.preset,
            empty: query.empty,
          }),
        ),
      );
    },
  );

  app.post(
    '/api/imports/events',
    {
      config: { needs: 'secret', slowBody: true },
      bodyLimit: limit,
      schema: {
        tags: ['users'],
        description:
          'The history of events. CSV and TSV: columns `user_id` or `anonymous_id`, `event`, `occurred_at`, and `message_id` and `properties` where there are some; every other column is a property. NDJSON, JSON: the same as keys. Starts no series unless asked. A row is stored once however often it is imported.',
        consumes: uploadTypes,
        querystring: ImportEventsQuery,
        response: { 200: ImportEventsAnswer, ...answers },
      },
    },
    (request, reply) =>
      received(request, request.query, reply, async (file) => answerOf(await importEvents(pool, file))),
  );
};

type FileQuery = Static<typeof ImportEventsQuery>;

function givenBy(
  query: FileQuery,
  name: string | undefined,
  type: UploadType,
): Omit<ImportEvents, 'workspaceId' | 'source'> {
  return {
    name: name === undefined ? 'the file' : `\`${shown(name)}\``,
    format: query.format ?? type.format,
    encoding: query.encoding ?? type.encoding,
    delimiter: query.delimiter,
    map: query.map === undefined ? undefined : parseMap([query.map].flat()),
    dates: query.dates,
    nulls: query.null === undefined ? undefined : parseWords(query.null),
    strict: query.strict,
    dryRun: query.dry_run,
    fireTriggers: query.fire_triggers,
  };
}

function answerOf<Done extends Imported | ImportedEvents>(imported: Done) {
  const { cellsRefused, dryRun, rejectsFile: _rejectsFile, ...done } = imported;
  return {
    ...done,
    cells_refused: cellsRefused,
    dry_run: dryRun,
    columns: [...done.columns],
    rejects: [...done.rejects],
  };
}

function busy(): never {
  return refuse('imports_busy', { seconds: retryAfter }, { details: { retry_after: retryAfter } });
}
