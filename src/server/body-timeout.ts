import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MusterError, problem } from '../errors/index.js';
import { answer } from './failures.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the body may take as long as it likes while more of it keeps coming. */
    slowBody?: boolean;
  }
}

/**
 * Answers `body_timeout` and closes the connection where a body does not arrive: whole within `limitMs`, or on a route with
 * `slowBody` no byte of it within `limitMs`. Node's own limit counts the whole request, so that it would cut long imports.
 */
export function limitBodyTime(app: FastifyInstance, limitMs: number): void {
  app.addHook('onRequest', (request, reply, next) => {
    const { headers, raw } = request;
    const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    if (hasBody) {
      const isSlow = request.routeOptions.config?.slowBody === true;
      let before = raw.socket.bytesRead;
      const timer = setInterval(() => {
        const { bytesRead } = raw.socket;
        if (isSlow && bytesRead > before) {
          before = bytesRead;
          return;
        }
        clearInterval(timer);
        giveUp(request, reply, limitMs);
      }, limitMs).unref();
      const stop = (): void => clearInterval(timer);
      raw.once('end', stop);
      raw.once('close', stop);
    }
    next();
  });
}

function giveUp(request: FastifyRequest, reply: FastifyReply, limitMs: number): void {
  const { raw } = request;
  // Closes the connection, and ends the wait of a reader: Node itself no longer aborts a request that has its answer.
  const close = (): void => void raw.destroy();
  // A call that was refused before its body came has its answer already.
  if (reply.raw.writableFinished) {
    close();
    return;
  }
  reply.raw.once('finish', close);
  if (reply.raw.writableEnded) return;
  reply.header('connection', 'close');
  answer(new MusterError(problem('body_timeout', { seconds: limitMs / 1000 })), request, reply);
}
