import PostalMime from 'postal-mime';
import type { Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import { noSettings } from '../../../src/automation/channels/email/settings.js';
import type { EmailSettings } from '../../../src/automation/channels/email/settings.js';
import { afterFile } from '../../support/cleanup.js';

/** One message as it came over the wire. */
export interface ReceivedMail {
  readonly raw: Buffer;
  readonly from: string;
  readonly to: readonly string[];
  /** Whether the connection was encrypted. */
  readonly secure: boolean;
  readonly user: string | undefined;
  /** As a mail program reads it. */
  readonly mail: Email;
}

/** What the server does in place of taking a message; each answer is `[550, '5.1.1 no such user']`. */
export interface MailBehaviour {
  readonly atMail?: Answer;
  readonly atRecipient?: Answer;
  readonly atData?: Answer;
  /** Takes the message and says nothing, for ever or until the connection is cut. */
  readonly silence?: 'hang' | 'cut';
}

type Answer = readonly [number, string];

export interface MailServer {
  readonly port: number;
  /** Whole messages that arrived, in order. */
  readonly mails: ReceivedMail[];
  /** Connections that were made, and that are open now. */
  readonly connections: () => number;
  readonly open: () => number;
  /** From the next message on; null takes everything. */
  readonly behave: (behaviour: MailBehaviour | null, how?: { once: boolean }) => void;
  readonly reset: () => void;
}

/** A real SMTP server on the loopback address; it stops with the test file. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  let behaviour: MailBehaviour = {};
  let isOnce = false;
  /** Looked at by every command of a message, so that it is over with the one that it speaks of. */
  const next = (part: keyof MailBehaviour): MailBehaviour => {
    const found = behaviour;
    if (isOnce && found[part] !== undefined) {
      behaviour = {};
      isOnce = false;
    }
    return found;
  };
  let count = 0;
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: options.key === undefined ? ['STARTTLS', 'AUTH'] : [],
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect: (_session, done) => {
      count += 1;
      done();
    },
    onMailFrom: (_address, _session, done) => done(refusal(next('atMail').atMail)),
    onRcptTo: (_address, _session, done) => done(refusal(next('atRecipient').atRecipient)),
    onData: (stream, session, done) => {
      const { atData } = next('atData');
      const { silence } = next('silence');
      const take = async (): Promise<void> => {
        const chunks: Buffer[] = [];
        for await (const chunk of stream) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
        if (stream.sizeExceeded) return done(refusal([552, '5.3.4 too large']));
        if (atData !== undefined) return done(refusal(atData));
        if (silence === 'hang') return;
        mails.push(await received(Buffer.concat(chunks), session));
        if (silence === undefined) return done(null);
        for (const connection of server.connections) if (connection.id === session.id) connection.close();
      };
      // The sender hung up in the middle, and nothing arrived.
      take().catch(() => undefined);
    },
    ...options,
  });
  // One that a client cuts off is no trouble of the test.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  afterFile(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  );
  const address = server.server.address();
  if (address === null || typeof address === 'string') throw new Error('the mail server has no port');
  return {
    port: address.port,
    mails,
    connections: () => count,
    open: () => server.connections.size,
    behave: (wanted, { once } = { once: false }) => {
      behaviour = wanted ?? {};
      isOnce = once;
    },
    reset: () => {
      behaviour = {};
      mails.length = 0;
    },
  };
}

/** Settings of an installation whose mail goes there. */
export function installationMail(port: number, changes: Partial<EmailSettings> = {}): EmailSettings {
  return {
    ...noSettings,
    smtp_url: `smtp://127.0.0.1:${port}`,
    from: 'Muster <hello@example.com>',
    public_url: 'https://muster.example.com',
    ...changes,
  };
}

function refusal(answer: Answer | undefined): Error | null {
  if (answer === undefined) return null;
  const [responseCode, text] = answer;
  return Object.assign(new Error(text), { responseCode });
}

async function received(raw: Buffer, { envelope, secure, user }: SMTPServerSession): Promise<ReceivedMail> {
  const { mailFrom, rcptTo } = envelope;
  return {
    raw,
    from: mailFrom === false ? '' : mailFrom.address,
    to: rcptTo.map(({ address }) => address),
    secure,
    user: typeof user === 'string' ? user : undefined,
    mail: await PostalMime.parse(raw),
  };
}
