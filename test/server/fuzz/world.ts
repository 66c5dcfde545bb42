import { linkSecretReader } from '../../../src/automation/links/secret.js';
import { unsubscribeToken } from '../../../src/automation/links/token.js';
import type { Pool } from '../../../src/database/pool.js';
import type { Service } from '../service.js';

/** Stands in every stored value of a person or company, and in nothing that a call of the fuzz sends. */
export const canary = 'STORED-CANARY';

/** Ids that are stored, by what they are ids of. */
export type Ids = Readonly<Record<string, readonly string[]>>;

const everyone = { everyone: true };
const byPlan = { '==': [{ var: 'custom:plan' }, canary] };
const message = { title: 'Hello', text: 'Hi {{ name|there }}' };

export const seriesOf = (key: string) => ({
  key,
  name: 'Welcome',
  trigger: { type: 'event', event: 'signed up' },
  entry: 'every_time',
  exit: { '==': [{ var: 'custom:plan' }, 'closed'] },
  goal: { did: { event: 'paid' } },
  steps: [
    { type: 'send', key: 'hello', channel: 'log', message },
    { type: 'wait', key: 'pause', for: [1, 'days'] },
    {
      type: 'send',
      key: 'more',
      channel: 'email',
      message: { ...message, html: '<a href="https://x.example/">x</a>' },
    },
  ],
});
export const broadcastOf = (key: string) => ({
  key,
  name: 'News',
  audience: everyone,
  channel: 'log',
  message,
});
export const ruleOf = (key: string) => ({
  key,
  title: 'Plan',
  decides: 'banner',
  outcomes: ['theirs', 'hide'],
  default: 'hide',
  rule: { if: [{ '==': [{ var: 'custom:seats' }, 3] }, 'theirs', { did: { event: 'paid' } }, 'theirs'] },
});

/** Fills the workspace with some of everything, so that calls about an id find it. */
export async function fillWorld(pool: Pool, service: Service, workspaceId: string): Promise<Ids> {
  const set = async (method: string, path: string, body?: unknown) => {
    const answer = await service.call(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
    return answer.body;
  };
  const users = ['u1', 'u2', 'u3', 'a/b c', 'ü?#'];
  const traits = (id: string) => ({
    name: `${canary} ${id}`,
    email: `${canary}.${users.indexOf(id)}@example.com`,
    plan: canary,
    seats: 3,
    tags: [canary, 'x'],
    [`key ${canary}`]: { deep: canary },
    renewal_date: '2031-05-17',
  });
  const { email: _, ...companyTraits } = traits('c1');
  for (const user_id of users) {
    await set('POST', '/api/sdk/users/identify', {
      user_id,
      anonymous_id: `a-${user_id}`,
      traits: traits(user_id),
      company_id: 'c1',
      company_traits: companyTraits,
    });
    for (const event of ['paid', 'signed up'])
      await set('POST', '/api/sdk/track', {
        user_id,
        event,
        message_id: `m-${event}-${user_id}`,
        properties: { plan: canary, amount: 12.5 },
      });
  }
  await set('POST', '/api/sdk/users/identify', { anonymous_id: 'v1', traits: traits('v1') });
  await set('PUT', '/api/users/u1/context/notes', { value: canary });
  for (const list of ['suppressions', 'unsubscribes'])
    await set('POST', `/api/${list}`, { email: `${canary}.4@example.com`, reason: canary });
  await set('POST', '/api/segments', { key: 'by-plan', name: 'By plan', filter: byPlan });
  await set('POST', '/api/segments', { key: 'all', name: 'All', filter: everyone });
  await set('PUT', '/api/segments/all/overrides/u3', { member: false, reason: 'by hand' });
  await set('PUT', '/api/rules/plan', ruleOf('plan'));
  await set('PUT', '/api/channels/email', {
    smtp_url: 'smtp://mail.example.com:587',
    from: 'hello@example.com',
    footer: 'Acme',
    public_url: 'https://muster.example.com',
  });
  for (const key of ['welcome', 'second']) await set('POST', '/api/series', seriesOf(key));
  for (const user_id of ['u1', 'u2', 'u3']) await set('POST', '/api/series/welcome/enroll', { user_id });
  const { rows } = await pool.query<{ id: string }>(
    `UPDATE work SET state = 'unknown', last_error = 'lost' WHERE workspace_id = $1 RETURNING delivery_id AS id`,
    [workspaceId],
  );
  for (const key of ['news', 'draft', 'later']) await set('POST', '/api/broadcasts', broadcastOf(key));
  await set('POST', '/api/broadcasts/news/launch', { run: 'one' });
  await set('POST', '/api/webhooks', { key: 'crm', url: 'https://crm.example/', description: 'x' });
  await set('PUT', '/api/channels/slack/sales', { url: 'https://hooks.example.com/x', description: 'x' });
  await set('PUT', '/api/traits/seats', { declared_type: 'number' });
  await set('POST', '/api/identity/rotate', {});
  const keys: string[] = [];
  for (const kind of ['write', 'secret'])
    keys.push(String((await set('POST', '/api/keys', { kind, name: 'spare' }))['id']));
  return {
    token: [await unsubscribeTokenOf(pool, workspaceId)],
    user_id: users,
    anonymous_id: ['a-u1', 'v1', 'nobody'],
    company_id: ['c1', 'c2'],
    series: ['welcome', 'second', 'third'],
    broadcasts: ['news', 'draft', 'later', 'fourth'],
    segments: ['all', 'by-plan', 'new'],
    rules: ['plan', 'slack-mode', 'other'],
    webhooks: ['crm', 'other'],
    slack: ['sales', 'other'],
    traits: ['plan', 'seats', 'a.b', 'é'],
    context: ['notes', 'other'],
    key_id: keys,
    delivery: rows.map(({ id }) => id).filter((id) => id !== null),
    event: ['paid', 'signed up', 'new event'],
    message_id: ['m-paid-u1', 'm-new'],
    run: ['one', 'two'],
  };
}

/** What a link in a message to somebody says. */
async function unsubscribeTokenOf(pool: Pool, workspaceId: string): Promise<string> {
  const { keys, hashEmail } = await linkSecretReader(pool).of(workspaceId);
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM end_users WHERE workspace_id = $1 AND user_id = 'u1'`,
    [workspaceId],
  );
  const emailHash = hashEmail(`${canary}.0@example.com`);
  const link = { workspaceId, endUserId: rows[0]?.id ?? '', emailHash, topic: 'news' };
  return unsubscribeToken(link, keys.unsubscribe);
}
