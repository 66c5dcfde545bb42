import { randomUUID } from 'node:crypto';
import { beforeAll } from 'vitest';
import { emailChannel } from '../../../src/automation/channels/email.js';
import { inboxChannel } from '../../../src/automation/channels/inbox.js';
import { logChannel } from '../../../src/automation/channels/log.js';
import type { LogLine } from '../../../src/automation/channels/log.js';
import { saveEndpoint } from '../../../src/automation/channels/endpoints.js';
import { slackChannel } from '../../../src/automation/channels/slack.js';
import { saveSlackWebhook } from '../../../src/automation/channels/slack/webhooks.js';
import { titleLine } from '../../../src/automation/channels/title.js';
import { webhookChannel } from '../../../src/automation/channels/webhook.js';
import { networkRules } from '../../../src/automation/channels/webhook/networks.js';
import { openPool } from '../../../src/database/pool.js';
import type { Client, Pool } from '../../../src/database/pool.js';
import { isObject } from '../../../src/filter/values.js';
import { afterFile } from '../../support/cleanup.js';
import { testDatabase } from '../../support/database.js';
import { channelConformance } from './conformance.js';
import type { Arrival } from './conformance.js';
import { installationMail, startMailServer } from './mail-server.js';
import type { MailBehaviour, MailServer, ReceivedMail } from './mail-server.js';
import { messageTo, onePerson, workspaceId } from './message.js';
import { startReceiver } from './receiver.js';
import type { Behaviour, ReceivedCall, Receiver } from './receiver.js';

const allowedNetworks = ['127.0.0.0/8'];

let pool: Pool;
let url: string;
let receiver: Receiver;
let mailServer: MailServer;

beforeAll(async () => {
  ({ pool, url } = await testDatabase());
  receiver = await startReceiver();
  mailServer = await startMailServer();
});

channelConformance('log', async () => {
  const person = await onePerson(pool);
  const lines: LogLine[] = [];
  let trouble: ((line: LogLine) => void | Promise<void>) | null = null;
  const next = async (work: (line: LogLine) => void | Promise<void>): Promise<void> => {
    trouble = work;
  };
  const channel = logChannel(async (line) => {
    const now = trouble;
    if (now === null) return void lines.push(line);
    return now(line);
  });
  return {
    channel,
    probe: {
      message: (changes) => messageTo(person, changes),
      arrivals: async () => lines.map(({ delivery, title, text }) => ({ key: delivery, title, text })),
      hang: async () => {
        await next(() => new Promise(() => undefined));
        return async () => {
          trouble = null;
        };
      },
      failOnce: () =>
        next(() => {
          trouble = null;
          throw new Error('the disk is full');
        }),
      loseAnswer: () =>
        next((line) => {
          trouble = null;
          lines.push(line);
          throw new Error('it was written, and then went wrong');
        }),
      hopeless: null,
      postpone: null,
      open: async () => 0,
    },
  };
});

channelConformance('inbox', async () => {
  const person = await onePerson(pool);
  // A pool of its own, which the suite may break and whose connections it counts.
  const name = `inbox-${randomUUID()}`;
  const own = await openPool(url, { applicationName: name });
  afterFile(async () => {
    if (!own.ended) await own.end();
  });
  const channel = inboxChannel(own);
  return {
    channel,
    probe: {
      message: (changes) => messageTo(person, changes),
      arrivals: async () => {
        const { rows } = await pool.query<Arrival>(
          `SELECT delivery_id AS key, title, text FROM inbox_messages
           WHERE workspace_id = $1 AND end_user_id = $2 ORDER BY created_at, xmin::text::bigint`,
          [workspaceId, person],
        );
        return rows;
      },
      hang: async () => {
        const client = await pool.connect();
        await client.query('BEGIN; LOCK TABLE inbox_messages');
        return async () => {
          await client.query('COMMIT');
          client.release();
        };
      },
      failOnce: async () => breakNext(own, 'before it is sent'),
      loseAnswer: async () => breakNext(own, 'after the commit'),
      hopeless: async () => messageTo(randomUUID()),
      postpone: null,
      open: async () => own.totalCount - own.idleCount,
    },
  };
});

/** Cuts the connection that the pool hands out next: before its first statement, or on the way back from its commit. */
function breakNext(own: Pool, when: 'before it is sent' | 'after the commit'): void {
  own.once('acquire', (client: Client) => {
    const query: unknown = Reflect.get(client, 'query');
    if (typeof query !== 'function') throw new Error('a client that asks nothing');
    const broken = async (...args: unknown[]): Promise<unknown> => {
      const isLast = when === 'before it is sent' || args[0] === 'COMMIT';
      if (isLast) Reflect.deleteProperty(client, 'query');
      if (when === 'after the commit') {
        const result: unknown = await Reflect.apply(query, client, args);
        if (!isLast) return result;
      }
      throw Object.assign(new Error('the connection was reset'), { code: 'ECONNRESET' });
    };
    Object.defineProperty(client, 'query', { value: broken, configurable: true });
  });
}

channelConformance('webhook', async () => {
  const person = await onePerson(pool);
  const endpoint = `e-${randomUUID()}`;
  receiver.reset();
  await saveEndpoint(pool, networkRules(allowedNetworks), { workspaceId, key: endpoint, url: receiver.url });
  const once = (behaviour: Behaviour): void =>
    receiver.behave((response, call) => {
      receiver.behave(null);
      behaviour(response, call);
    });
  return {
    channel: webhookChannel({ pool, allowedNetworks }),
    probe: {
      message: (changes) => messageTo(person, { endpoint, ...changes }),
      arrivals: async () => receiver.calls.map(arrivalOf),
      hang: async () => {
        receiver.behave(() => undefined);
        return async () => receiver.behave(null);
      },
      failOnce: async () => once((response) => response.writeHead(500).end()),
      loseAnswer: async () => once((response) => response.socket?.resetAndDestroy()),
      hopeless: async () => {
        once((response) => response.writeHead(410).end());
        return messageTo(person, { endpoint });
      },
      postpone: async (seconds) =>
        once((response) => response.writeHead(429, { 'retry-after': String(seconds) }).end()),
      open: async () => receiver.open(),
    },
  };
});

channelConformance('email', async () => {
  const person = await onePerson(pool);
  mailServer.reset();
  return {
    channel: emailChannel({ pool, installation: installationMail(mailServer.port) }),
    probe: {
      message: (changes) => messageTo(person, { to: 'ada@example.org', ...changes }),
      arrivals: async () => mailServer.mails.map(mailArrival),
      hang: async () => {
        mailServer.behave({ silence: 'hang' });
        return async () => mailServer.behave(null);
      },
      failOnce: async () => onceOf({ atRecipient: [451, '4.7.1 greylisted, come again'] }),
      loseAnswer: async () => onceOf({ silence: 'cut' }),
      hopeless: async () => {
        onceOf({ atRecipient: [550, '5.1.1 no such user'] });
        return messageTo(person, { to: 'nobody@example.org' });
      },
      postpone: null,
      reads: { title: (title) => titleLine(title), text: (text) => text.replaceAll('\r\n', '\n') },
      open: async () => mailServer.open(),
    },
  };
});

channelConformance('slack', async () => {
  const person = await onePerson(pool);
  const endpoint = `s-${randomUUID()}`;
  receiver.reset();
  await saveSlackWebhook(pool, networkRules(allowedNetworks), {
    workspaceId,
    key: endpoint,
    url: receiver.url,
  });
  const once = (behaviour: Behaviour): void =>
    receiver.behave((response, call) => {
      receiver.behave(null);
      behaviour(response, call);
    });
  return {
    channel: slackChannel({ pool, allowedNetworks }),
    probe: {
      message: (changes) => messageTo(person, { endpoint, ...changes }),
      arrivals: async () => receiver.calls.map(slackArrival),
      hang: async () => {
        receiver.behave(() => undefined);
        return async () => receiver.behave(null);
      },
      failOnce: async () => once((response) => response.writeHead(500).end()),
      loseAnswer: async () => once((response) => response.socket?.resetAndDestroy()),
      hopeless: async () => {
        once((response) => response.writeHead(404).end('no_service'));
        return messageTo(person, { endpoint });
      },
      postpone: async (seconds) =>
        once((response) => response.writeHead(429, { 'retry-after': String(seconds) }).end()),
      open: async () => receiver.open(),
    },
  };
});

function slackArrival({ body }: ReceivedCall): Arrival {
  const call: unknown = JSON.parse(body);
  const whole = isObject(call) ? call['text'] : null;
  if (typeof whole !== 'string') throw new Error(`no body of ours: ${body}`);
  const [, title = null, text = whole] = /^\*([^]*?)\*\n([^]*)$/.exec(whole) ?? [];
  return { key: null, title, text };
}

/** The next message meets the behaviour, and whatever comes after it is taken. */
function onceOf(behaviour: MailBehaviour): void {
  mailServer.behave(behaviour, { once: true });
}

function mailArrival({ mail }: ReceivedMail): Arrival {
  const { messageId = '', subject, text = '' } = mail;
  return {
    key: /^<(.*)@example\.com>$/.exec(messageId)?.[1] ?? '',
    title: subject ?? null,
    text: text.replace(/\n$/, ''),
  };
}

function arrivalOf({ headers, body }: ReceivedCall): Arrival {
  const call: unknown = JSON.parse(body);
  const data = isObject(call) ? call['data'] : null;
  if (!isObject(data)) throw new Error(`no body of ours: ${body}`);
  const { title, text } = data;
  if (typeof text !== 'string') throw new Error(`a body without a text: ${body}`);
  return {
    key: String(headers['webhook-id']),
    title: typeof title === 'string' ? title : null,
    text,
  };
}
