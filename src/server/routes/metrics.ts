import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { refuse } from '../../errors/index.js';
import type { Metrics } from '../metrics/registry.js';

export interface MetricsRoute {
  readonly metrics: Metrics;
  /** Text that scrapers send as a Bearer token; without one only this machine may ask. */
  readonly token: string | undefined;
}

/**
 * `/metrics`: figures of the whole installation, for whoever runs it. No key of a workspace opens it, because it counts
 * for all of them; it names none and holds no personal data. Errors: `metrics_not_open`, `metrics_bad_token`.
 */
export const metricsRoutes: FastifyPluginAsync<MetricsRoute> = async (app, { metrics, token }) => {
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    if (token === undefined || token === '') {
      if (!isFromHere(request)) refuse('metrics_not_open');
    } else if (!isSame(bearerOf(request), token)) {
      refuse('metrics_bad_token');
    }
    return reply.type(metrics.contentType).send(await metrics.text());
  });
};

/** Directly, and not through a proxy of this machine. */
function isFromHere({ socket, headers }: FastifyRequest): boolean {
  const passedOn = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => name in headers);
  return !passedOn && /^(::ffff:)?127\.|^::1$/.test(socket.remoteAddress ?? '');
}

const bearerOf = ({ headers }: FastifyRequest): string =>
  /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1] ?? '';

/** In a time that tells nothing about the text. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(hash(one), hash(other));
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
