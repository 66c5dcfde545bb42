import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { MusterError, problem } from '../../errors/index.js';
import { ErrorAnswer, Health, Readiness } from '../schemas.js';

/** A part that has to answer before the server takes work; throws when it does not, `NotReady` to say why. */
export type ReadyCheck = () => Promise<unknown>;

/** Its message says what a part is instead of ready, such as `is old`. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

const patienceMs = 2000;

export interface HealthOptions {
  /** What `/readyz` asks, by name. */
  readonly checks: Readonly<Record<string, ReadyCheck>>;
  /** Whether the process was asked to stop: whoever sends it calls should send them elsewhere. */
  readonly isStopping: () => boolean;
}

/** `/healthz`: the process answers. `/readyz`: everything it needs answers too. Neither needs a key. */
export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { checks, isStopping }) => {
  app.get('/healthz', { schema: { tags: ['health'], response: { 200: Health } } }, async () => ({
    ok: true,
  }));

  app.get(
    '/readyz',
    { schema: { tags: ['health'], response: { 200: Readiness, 503: ErrorAnswer } } },
    async () => {
      if (isStopping()) throw new MusterError(problem('not_ready', { reason: 'the process is stopping' }));
      const found = await Promise.all(
        Object.entries(checks).map(async ([name, check]): Promise<[string, string]> => [
          name,
          await stateOf(check),
        ]),
      );
      const down = found.filter(([, state]) => state !== 'ok').map(([name, state]) => `${name} ${state}`);
      if (down.length > 0) {
        throw new MusterError(problem('not_ready', { reason: down.join(', ') }), {
          details: { checks: Object.fromEntries(found) },
        });
      }
      return { ready: true, checks: Object.fromEntries(found) };
    },
  );
};

async function stateOf(check: ReadyCheck): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('does not answer'), patienceMs);
  });
  const state = check().then(
    () => 'ok',
    (error: unknown) => (error instanceof NotReady ? error.message : 'cannot be reached'),
  );
  const first = await Promise.race([state, late]);
  clearTimeout(timer);
  return first;
}
