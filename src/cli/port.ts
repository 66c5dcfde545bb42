import { createServer } from 'node:net';
import { MusterError, problem } from '../errors/index.js';

/** The loopback address; the service never listens on another one by itself. */
export const loopback = '127.0.0.1';

/** Fails early when the port cannot be had, before any server is started. Errors: `port_in_use`, `port_not_allowed`. */
export async function checkPort(port: number): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(portRefusal(error, port)));
    probe.listen({ port, host: loopback }, () => probe.close(() => resolve()));
  });
}

/** The refusal for an error of `listen`, or the error itself. */
export function portRefusal(error: unknown, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  const other = port < 65_535 ? port + 1 : 4000;
  if (code === 'EADDRINUSE')
    return new MusterError(problem('port_in_use', { port, other }), { cause: error });
  if (code === 'EACCES') return new MusterError(problem('port_not_allowed', { port }), { cause: error });
  return error;
}
