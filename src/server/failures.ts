import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { databaseOutage } from '../database/unreachable.js';
import { MusterError, problem } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { shown } from '../filter/parse/context.js';
import { schemaProblems } from './schema-faults.js';

/** Bytes of a body, of batches and filters. */
export const bodyLimit = 500_000;
/** Bytes of a body about one user, company or event. */
export const eventLimit = 32_768;

/** Characters of one part of an address. */
export const longestParam = 4096;

/** Gives every failure, the framework's own included, the one error shape. */
export function answerFailures(app: FastifyInstance): void {
  app.setErrorHandler((error: unknown, request, reply) => answer(error, request, reply));
  app.setNotFoundHandler((request, reply) => answer(noSuchRoute(request), request, reply));
}

/** Refuses a call that nothing answers before its key, type or body could be found at fault. */
export function refuseUnknownRoutes(app: FastifyInstance): void {
  app.addHook('onRequest', async (request) => {
    if (request.is404) throw noSuchRoute(request);
  });
}

function noSuchRoute({ method, url }: FastifyRequest): MusterError {
  return new MusterError(problem('no_such_route', { method, route: shown(url.split('?', 1)[0] ?? '') }));
}

/** Answers with the error's body and status; what is not Muster's own refusal is logged and answered without internals. */
export function answer(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = refusalIn(error, request) ?? databaseOutage(error);
  if (known === null) {
    request.log.error({ err: error }, 'request failed');
    const failure = new MusterError(problem('internal_error', { request: request.id }));
    return reply.status(500).send({ ...failure.toBody() });
  }
  if (known.status >= 500) request.log.warn({ err: error }, 'request refused');
  if (known.status === 401) {
    const isPage = request.routeOptions.config?.browser === true;
    void reply.header('www-authenticate', isPage ? 'Basic realm="Muster", charset="UTF-8"' : 'Bearer');
  }
  const wait = known.details['retry_after'];
  if (typeof wait === 'number') void reply.header('retry-after', wait);
  return reply.status(known.status).send(known.toBody());
}

/** The refusal that an error is answered as, whoever refused; null for what is none. */
export function refusalIn(error: unknown, request: FastifyRequest): MusterError | null {
  return error instanceof MusterError ? error : refusalOf(error, request);
}

/** Runs a check of one part of the body and puts that part's path before the path of each problem. */
export function within<T>(path: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    const problems = error.problems.map((each) => ({ ...each, path: path + each.path }));
    throw new MusterError(problems, { cause: error.cause, details: { ...error.details } });
  }
}

const addressFaults: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'a `%` of its address begins no character',
  FST_ERR_MAX_PARAM_LENGTH: `a part of its address is longer than ${longestParam} characters`,
};

/** What the framework refused before a handler ran. */
function refusalOf(error: unknown, request: FastifyRequest): MusterError | null {
  if (!isFrameworkError(error)) return null;
  if (error.validation !== undefined) {
    return new MusterError(schemaProblems(error.validation, error.validationContext ?? 'body'));
  }
  const status = error.statusCode ?? 500;
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return of(problem('body_too_large', { limit: request.routeOptions.bodyLimit ?? bodyLimit }));
  }
  if (error.code === 'FST_ERR_CTP_EMPTY_JSON_BODY')
    return of(problem('body_not_json', { reason: 'it is empty' }));
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return of(problem('body_wrong_type', { type: shown(request.headers['content-type'] ?? 'none') }));
  }
  // The framework's own words hold the whole address.
  const address = addressFaults[error.code];
  if (address !== undefined) return of(problem('bad_request', { reason: address }));
  if (status === 503) return of(problem('not_ready', { reason: 'the server is shutting down' }));
  return status < 500 ? of(problem('bad_request', { reason: lowerFirst(error.message) })) : null;
}

function isFrameworkError(error: unknown): error is FastifyError {
  return (
    error instanceof Error &&
    (('code' in error && typeof error.code === 'string' && error.code.startsWith('FST_')) ||
      'validation' in error)
  );
}

const of = (each: Problem): MusterError => new MusterError(each);
const lowerFirst = (text: string): string =>
  text.slice(0, 1).toLowerCase() + text.slice(1).replace(/\.$/, '');
