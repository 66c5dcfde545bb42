import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { MusterError, problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { refusalsOf } from '../../traits/refusals.js';
import type { AccessBook } from '../access.js';
import { takeJsonOfAnyType } from '../body.js';
import { itemFault } from '../item.js';
import { leftPage } from '../leniency.js';
import type { RefusalBook } from '../refusals.js';
import { ErrorAnswer } from '../schemas.js';
import { BeaconAnswer, BeaconBody } from '../schemas/ingest.js';

/** The calls of `/api/sdk` that may come this way. */
const allowed = new Set(['users/identify', 'companies/identify', 'track']);

/**
 * `POST /api/sdk/beacon`: the last calls of a page that is being left, in one request. Browsers send it without headers,
 * so the write key is in the body and the body is text. Each call is answered for as if it had come by itself, in order;
 * what follows one that has to be tried again is left undone, because order matters. Nobody may be there for the answer, so a
 * call that is wrong in part is stored in part.
 */
export const beaconRoutes: FastifyPluginAsyncTypebox<{ access: AccessBook; refusals: RefusalBook }> = async (
  app,
  { access, refusals },
) => {
  takeJsonOfAnyType(app);
  app.post(
    '/api/sdk/beacon',
    {
      schema: {
        tags: ['sdk'],
        body: BeaconBody,
        response: { 200: BeaconAnswer, 400: ErrorAnswer, 413: ErrorAnswer },
      },
    },
    async ({ body: { key, calls } }) => {
      const results: { status: number; body: unknown; quiet?: number }[] = [];
      for (const { call, body } of calls) {
        const result = await answerOf(key, call, body);
        results.push(result);
        if (result.status === 429 || result.status >= 500) break;
      }
      return { results };
    },
  );

  async function answerOf(
    key: string,
    call: string,
    body: unknown,
  ): Promise<{ status: number; body: unknown; quiet?: number }> {
    const fault = allowed.has(call)
      ? itemFault(body ?? null)
      : problem('no_such_route', { method: 'POST', route: `/api/sdk/${call.slice(0, 100)}` });
    if (fault !== null) {
      const refusal = new MusterError(fault);
      await keepFault(key, call, body, fault);
      return { status: refusal.status, body: refusal.toBody() };
    }
    // A key with a line break would break the header apart.
    const authorization = `Bearer ${/^\S+$/.test(key) ? key : 'none'}`;
    const answer = await app.inject({
      method: 'POST',
      url: `/api/sdk/${call}`,
      headers: { authorization, 'content-type': 'application/json', ...leftPage },
      payload: JSON.stringify(body ?? null),
    });
    const wait = Number(answer.headers['retry-after']);
    return {
      status: answer.statusCode,
      body: JSON.parse(answer.payload) as unknown,
      ...(wait > 0 ? { quiet: wait * 1000 } : {}),
    };
  }

  /** Of a call that is refused before it is made. A key that is no good is refused by the calls beside it. */
  async function keepFault(key: string, call: string, body: unknown, fault: Problem): Promise<void> {
    const holder = await access.holder(key).catch((error: unknown) => {
      if (error instanceof MusterError && error.status < 500) return null;
      throw error;
    });
    if (holder === null) return;
    await refusals.keep(holder.workspaceId, refusalsOf([fault], { call, sent: body, whole: true }));
  }
};
