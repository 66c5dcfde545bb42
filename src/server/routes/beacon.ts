import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { MusterError, problem } from '../../errors/index.js';
import { takeJsonOfAnyType } from '../body.js';
import { itemFault } from '../item.js';
import { ErrorAnswer } from '../schemas.js';
import { BeaconAnswer, BeaconBody } from '../schemas/ingest.js';

/** The calls of `/api/sdk` that may come this way. */
const allowed = new Set(['users/identify', 'companies/identify', 'track']);

/**
 * `POST /api/sdk/beacon`: the last calls of a page that is being left, in one request. Browsers send it without headers,
 * so the write key is in the body and the body is text. Each call is answered for as if it had come by itself, in order;
 * what follows one that has to be tried again is left undone, because order matters.
 */
export const beaconRoutes: FastifyPluginAsyncTypebox = async (app) => {
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
    if (!allowed.has(call)) {
      const refusal = new MusterError(
        problem('no_such_route', { method: 'POST', route: `/api/sdk/${call.slice(0, 100)}` }),
      );
      return { status: refusal.status, body: refusal.toBody() };
    }
    const fault = itemFault(body ?? null);
    if (fault !== null) {
      const refusal = new MusterError(fault);
      return { status: refusal.status, body: refusal.toBody() };
    }
    // A key with a line break would break the header apart.
    const authorization = `Bearer ${/^\S+$/.test(key) ? key : 'none'}`;
    const answer = await app.inject({
      method: 'POST',
      url: `/api/sdk/${call}`,
      headers: { authorization, 'content-type': 'application/json' },
      payload: JSON.stringify(body ?? null),
    });
    const wait = Number(answer.headers['retry-after']);
    return {
      status: answer.statusCode,
      body: JSON.parse(answer.payload) as unknown,
      ...(wait > 0 ? { quiet: wait * 1000 } : {}),
    };
  }
};
