import { createServer } from 'node:net';
import { MusterError, problem } from '../errors/index.js';

/** The loopback address; nothing listens on another one unless it is asked for. */
export const loopback = '127.0.0.1';

/**
 * Fails early when the port cannot be had, before any server is started. Errors: `port_in_use`, `port_not_allowed`,
 * `host_not_here`.
 */
export async function checkPort(port: number, host: string): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(portRefusal(error, port, host)));
    probe.listen({ port, host }, () => probe.close(() => resolve()));
  });
}

/** The refusal for an error of `listen`, or the error itself. */
export function portRefusal(error: unknown, port: number, host: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  const other = port < 65_535 ? port + 1 : 4000;
  if (code === 'EADDRINUSE')
    return new MusterError(problem('port_in_use', { port, host, option: portOption(other) }), {
      cause: error,
    });
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new MusterError(problem('host_not_here', { host }), { cause: error });
  if (code === 'EACCES') return new MusterError(problem('port_not_allowed', { port }), { cause: error });
  return error;
}

/** How the port is given. npm keeps options for itself unless they follow `--`. */
function portOption(port: number): string {
  return process.env.npm_lifecycle_event === 'start' ? `npm start -- --port ${port}` : `--port ${port}`;
}
