import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { lookup as lookUp } from 'node:dns/promises';
import SmtpConnection from 'nodemailer/lib/smtp-connection';
import { reasonOf } from '../abort.js';
import { DeliveryUncertain, DeliveryUnreachable } from '../channel.js';
import { blocked, guarded } from '../webhook/post.js';
import type { Resolve } from '../webhook/post.js';
import type { NetworkRules } from '../webhook/networks.js';
import type { MailServer } from './server-address.js';

export interface SessionOptions {
  readonly server: MailServer;
  /** Where it may be; null for the installation's own server, which may be anywhere and need not speak TLS. */
  readonly rules: NetworkRules | null;
  readonly resolve?: Resolve | undefined;
  /** Certificates that are trusted beside those that Node trusts; PEM. */
  readonly ca?: string | undefined;
  /** Milliseconds for each of: connecting, the greeting, an answer. */
  readonly timeout: number;
}

/** Addresses are those of the envelope, with domains in ASCII. */
export interface Mail {
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
}

/** What the library writes on its errors. */
interface SmtpErrorDetails {
  readonly responseCode?: unknown;
  readonly command?: unknown;
  readonly response?: unknown;
  readonly code?: unknown;
}

/** What an SMTP server, or the way to it, said against a message. */
export class SmtpFailure extends Error {
  override readonly name = 'SmtpFailure';
  /** The server's answer, such as 550; null where it gave none. */
  readonly status: number | null;
  /** What was said when: `CONN`, `AUTH PLAIN`, `MAIL FROM`, `RCPT TO`, `DATA`. */
  readonly command: string;
  /** The whole answer; empty where there was none. */
  readonly answer: string;
  /** Whether the message is larger than the server takes. */
  readonly tooLarge: boolean;

  constructor(error: Error) {
    super(error.message, { cause: error });
    const { responseCode, command, response, code }: Error & SmtpErrorDetails = error;
    this.status = typeof responseCode === 'number' ? responseCode : null;
    this.command = typeof command === 'string' ? command : 'CONN';
    this.answer = typeof response === 'string' ? response : '';
    // The library's own finding; an answer of the server has a status.
    this.tooLarge = code === 'EMESSAGE' && this.status === null;
  }
}

/** One signed-in connection to an SMTP server, for one message after another. */
export interface SmtpSession {
  /** Whether a further message can go over it. */
  readonly usable: () => boolean;
  /** Messages that went over it. */
  readonly sent: () => number;
  /**
   * Hands one message over. Rejects with the signal's reason where that aborted, with `DeliveryUncertain` where the message
   * had gone out whole and no answer came, with `DeliveryUnreachable` where the server cannot take the address, else with an
   * `SmtpFailure`. After a rejection by the server it is closed.
   */
  send(mail: Mail, signal: AbortSignal): Promise<void>;
  /** Takes leave of the server and closes. */
  close(): void;
}

/** Milliseconds that a server may take to hang up after it was told goodbye. */
const leaveWithin = 1000;

/**
 * Connects and signs in. A workspace's own server must be public and speak TLS, but in networks that are allowed; its
 * certificate is checked in every case. Rejects as `send` does.
 */
export async function openSession(options: SessionOptions, signal: AbortSignal): Promise<SmtpSession> {
  if (signal.aborted) throw reasonOf(signal);
  const { server, timeout, ca } = options;
  const socket = await connected(options, signal);
  const smtp = new SmtpConnection({
    connection: socket,
    host: server.host,
    port: server.port,
    secure: server.secure,
    // Without TLS whoever is on the way reads it all.
    requireTLS: !server.secure && !mayBePlain(options, socket),
    tls: {
      ...(isIP(server.host) === 0 ? { servername: server.host } : {}),
      ...(ca === undefined ? {} : { ca }),
    },
    greetingTimeout: timeout,
    connectionTimeout: timeout,
    socketTimeout: timeout,
    socketCloseTimeout: leaveWithin,
  });
  let isOpen = true;
  let count = 0;
  // Whoever waits for an answer hears of it by themselves; between two messages a server may leave.
  smtp.on('error', () => (isOpen = false));
  smtp.on('end', () => (isOpen = false));
  const end = (): void => {
    isOpen = false;
    smtp.close();
    socket.destroy();
  };
  const step = async (act: (done: (error: Error | null | undefined) => void) => void): Promise<void> => {
    try {
      await answered(smtp, signal, act);
    } catch (error) {
      end();
      throw error;
    }
  };
  await step((done) => smtp.connect(done));
  // The server's last answer is what it said to EHLO.
  const takesUnicode = /[ -]SMTPUTF8\b/i.test(String(smtp.lastServerResponse));
  const { login } = server;
  if (login !== null) await step((done) => smtp.login({ user: login.user, pass: login.password }, done));
  return {
    usable: () => isOpen,
    sent: () => count,
    async send({ from, to, bytes }, sending) {
      // A domain has its A-label; what stands before the @ has no other form (RFC 6531).
      if (!takesUnicode && !isAscii(to)) {
        throw new DeliveryUnreachable(
          'no_smtputf8',
          'the mail server takes no address with letters outside ASCII before the @ (it offers no SMTPUTF8)',
        );
      }
      let isWhole = false;
      const content = new Readable({ read: () => undefined });
      content.push(bytes);
      content.push(null);
      content.once('end', () => (isWhole = true));
      try {
        await answered(smtp, sending, (done) =>
          smtp.send({ from, to: [to], size: bytes.length }, content, (error) => done(error)),
        );
        count += 1;
      } catch (error) {
        end();
        const isAnswer = error instanceof SmtpFailure && error.status !== null;
        if (!isWhole || isAnswer || sending.aborted) throw error;
        const text = `the message was sent whole, and the server did not answer: ${String(error)}`;
        throw new DeliveryUncertain(text, { cause: error });
      }
    },
    close() {
      if (!isOpen) return end();
      isOpen = false;
      smtp.quit();
      setTimeout(end, leaveWithin).unref();
    },
  };
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

/** What the callback says, an error of the connection before that, or the signal's reason. */
async function answered(
  smtp: SmtpConnection,
  signal: AbortSignal,
  act: (done: (error: Error | null | undefined) => void) => void,
): Promise<void> {
  if (signal.aborted) throw reasonOf(signal);
  let unhook: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => reject(new SmtpFailure(error));
      const left = (): void => fail(new Error('the server hung up'));
      const stop = (): void => reject(reasonOf(signal));
      signal.addEventListener('abort', stop, { once: true });
      smtp.once('error', fail);
      smtp.once('end', left);
      unhook = () => {
        signal.removeEventListener('abort', stop);
        smtp.removeListener('error', fail);
        smtp.removeListener('end', left);
      };
      act((error) => (error === null || error === undefined ? resolve() : fail(error)));
    });
  } finally {
    unhook?.();
  }
}

/** A connection to an address that was checked in the very look-up that it uses. */
async function connected(options: SessionOptions, signal: AbortSignal): Promise<Socket> {
  const { server, rules, timeout } = options;
  const resolve: Resolve = options.resolve ?? ((hostname) => lookUp(hostname, { all: true, verbatim: true }));
  const faultOf = (address: string): string | null => rules?.fault(address) ?? null;
  // Node asks no look-up for a host that is an address.
  const fault = isIP(server.host) === 0 ? null : faultOf(server.host);
  if (fault !== null) throw new SmtpFailure(blocked(server.host, fault));
  const socket = connect({ host: server.host, port: server.port, lookup: guarded(resolve, faultOf) });
  let unhook: (() => void) | undefined;
  try {
    await new Promise<void>((done, reject) => {
      const stop = (): void => reject(reasonOf(signal));
      const timer = setTimeout(() => {
        reject(new SmtpFailure(new Error(`no connection within ${timeout} ms`)));
      }, timeout);
      signal.addEventListener('abort', stop, { once: true });
      socket.once('connect', done);
      socket.once('error', (error) => reject(new SmtpFailure(error)));
      unhook = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        socket.removeAllListeners('error');
      };
    });
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw error;
  } finally {
    unhook?.();
  }
  return socket;
}

function mayBePlain({ rules }: SessionOptions, socket: Socket): boolean {
  return rules === null || rules.isAllowed(socket.remoteAddress ?? '');
}
