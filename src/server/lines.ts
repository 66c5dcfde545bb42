import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/**
 * Answers with a text that is made while it is sent. Its first piece is made before the answer begins, so that a refusal
 * still has its status.
 */
export async function sendLines(
  reply: FastifyReply,
  lines: AsyncGenerator<string, unknown>,
): Promise<FastifyReply> {
  const first = await lines.next();
  const stream = Readable.from(
    (async function* () {
      if (first.done !== true) yield first.value;
      yield* lines;
    })(),
  );
  return reply.send(stream);
}

/** The same as a CSV file to save. `name` goes into a header: letters, digits, `-` and `_`. */
export async function sendCsv(
  reply: FastifyReply,
  name: string,
  lines: AsyncGenerator<string, unknown>,
): Promise<FastifyReply> {
  return sendLines(
    reply.type('text/csv; charset=utf-8').header('content-disposition', `attachment; filename="${name}.csv"`),
    lines,
  );
}
