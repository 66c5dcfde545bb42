import { reasonOf } from '../abort.js';
import type { SmtpSession } from './session.js';

/** Connections to one server that are used at once; more than that many servers refuse. */
const mostOpen = 10;
/** Milliseconds that an idle connection is kept. */
const keptFor = 5000;
/** Messages over one connection; servers commonly end it after a hundred. */
const mostMessages = 100;

/** Keeps connections to one server, for whoever needs one next. */
export interface SmtpPool {
  /**
   * Runs `work` with a connection that nobody else has. Rejects with the signal's reason when that aborts while all are in
   * use. One whose work failed is not used again.
   */
  use<T>(signal: AbortSignal, work: (session: SmtpSession) => Promise<T>): Promise<T>;
  /** Whether nothing is open, under way or waited for. */
  idle(): boolean;
  close(): void;
}

export function smtpPool(open: (signal: AbortSignal) => Promise<SmtpSession>): SmtpPool {
  const kept = new Map<SmtpSession, NodeJS.Timeout>();
  const waiting: (() => void)[] = [];
  let inUse = 0;

  const take = (): SmtpSession | null => {
    for (const [session, timer] of kept) {
      clearTimeout(timer);
      kept.delete(session);
      if (session.usable()) return session;
      session.close();
    }
    return null;
  };
  const keep = (session: SmtpSession): void => {
    if (!session.usable() || session.sent() >= mostMessages) return session.close();
    const timer = setTimeout(() => {
      kept.delete(session);
      session.close();
    }, keptFor);
    kept.set(session, timer.unref());
  };
  const turn = async (signal: AbortSignal): Promise<void> => {
    if (inUse < mostOpen) {
      inUse += 1;
      return;
    }
    // Whoever leaves hands their place over, so that the count stays.
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const stop = (): void => {
        waiting.splice(waiting.indexOf(go), 1);
        reject(reasonOf(signal));
      };
      signal.addEventListener('abort', stop, { once: true });
      waiting.push(go);
    });
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) inUse -= 1;
    else next();
  };

  return {
    async use(signal, work) {
      if (signal.aborted) throw reasonOf(signal);
      await turn(signal);
      try {
        const session = take() ?? (await open(signal));
        const result = await work(session);
        keep(session);
        return result;
      } finally {
        leave();
      }
    },
    idle: () => inUse === 0 && kept.size === 0 && waiting.length === 0,
    close() {
      for (const [session, timer] of kept) {
        clearTimeout(timer);
        session.close();
      }
      kept.clear();
    },
  };
}
