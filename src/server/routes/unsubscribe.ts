import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import { linkSecretReader, openUnsubscribeLink } from '../../automation/index.js';
import type { PreferenceChange, UnsubscribeLink } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { brokenLinkPage, preferencesPage, preferencesPolicy } from '../preferences/page.js';

/** Bytes of a form; the longest is a few hundred topics. */
const formLimit = 65_536;

/**
 * `/u/TOKEN`: where the links to unsubscribe lead. They need no key, because they are signed. `GET` shows a page and changes
 * nothing, because programs that look at mail open every link in it; `POST` changes what the form says, or, sent by a
 * mailbox as RFC 8058 has it, unsubscribes at once.
 */
export const unsubscribeRoutes: FastifyPluginAsync<{ pool: Pool }> = async (app, { pool }) => {
  const secrets = linkSecretReader(pool);
  const schema = { hide: true };
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data']) {
    app.addContentTypeParser(
      type,
      { parseAs: 'string', bodyLimit: formLimit },
      async (_request: unknown, body: string) => body,
    );
  }

  app.get<{ Params: { token: string } }>('/u/:token', { schema }, async ({ params: { token } }, reply) => {
    const opened = await openUnsubscribeLink(pool, secrets, token);
    if (opened === null) return send(reply.status(404), brokenLinkPage());
    return send(reply, preferencesPage(opened, null));
  });

  app.post<{ Params: { token: string } }>(
    '/u/:token',
    { schema, bodyLimit: formLimit },
    async ({ params: { token }, body }, reply) => {
      const wish = wishIn(typeof body === 'string' ? body : '');
      const opened = await openUnsubscribeLink(pool, secrets, token, wish.change);
      if (opened === null) return send(reply.status(404), brokenLinkPage());
      return send(reply, preferencesPage(opened, wish.done));
    },
  );
};

async function send(reply: FastifyReply, page: string): Promise<FastifyReply> {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', preferencesPolicy)
    .header('referrer-policy', 'no-referrer')
    .header('x-robots-tag', 'noindex')
    .header('x-content-type-options', 'nosniff')
    .send(page);
}

interface Wish {
  readonly change: (link: UnsubscribeLink) => PreferenceChange;
  readonly done: string;
}

const unsubscribedFromAll: Wish = {
  change: () => ({ subscribed: false }),
  done: 'You are unsubscribed. No further message will be sent to you.',
};
/** Without a topic there is only everything. */
const unsubscribedFromTopic: Wish = {
  change: ({ topic }) => (topic === null ? { subscribed: false } : { topics: { [topic]: false } }),
  done: 'You are unsubscribed. What you chose is saved.',
};
const actions: Readonly<Record<string, Wish>> = {
  unsubscribe_all: unsubscribedFromAll,
  unsubscribe_topic: unsubscribedFromTopic,
  subscribe_all: { change: () => ({ subscribed: true }), done: 'You are subscribed again.' },
};

/** What a form asks for. One that says nothing that is known here was sent to unsubscribe. */
function wishIn(body: string): Wish {
  const form = new URLSearchParams(body);
  const action = form.get('action') ?? '';
  if (action === 'choose') return chosen(form.getAll('topic'), form.getAll('offered'));
  return Object.hasOwn(actions, action) ? (actions[action] ?? unsubscribedFromTopic) : unsubscribedFromTopic;
}

/** A box that is not ticked is not sent, so that the form names what it offered. */
function chosen(wanted: readonly string[], offered: readonly string[]): Wish {
  const topics = Object.fromEntries(offered.map((topic) => [topic, wanted.includes(topic)]));
  return { change: () => ({ topics }), done: 'What you chose is saved.' };
}
