import { beforeAll, expect, test } from 'vitest';
import { checkTemplate, parseTemplate, previewTemplate } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { parseFilter } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';
import { backfillUsers } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;
const workspaceId = 'w';
const everyone = { everyone: true };

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('w', 'W'), ('other', 'O')`);
  const users = Array.from({ length: 8 }, (_, index) => ({
    user_id: `u${index}`,
    traits: {
      role: index < 6 ? 'admin' : 'viewer',
      ...(index < 5 ? { signed_up_at: '2026-01-01' } : {}),
      ...(index === 7 ? { plan: 'pro' } : {}),
    },
  }));
  await backfillUsers(pool, { workspaceId, users });
  await backfillUsers(pool, { workspaceId: 'other', users: [{ user_id: 'o', traits: { city: 'Bonn' } }] });
});

async function checked(template: object, filter: unknown = everyone) {
  const moment = momentOf('2026-03-01T00:00:00Z', 'UTC');
  const options = { workspaceId, filter: parseFilter(filter), moment };
  return checkTemplate(pool, { ...options, template: parseTemplate(template, 'email') });
}

test('each tag tells how many of the audience lack it, and one without a fallback is a warning', async () => {
  const found = await checked({
    title: 'Hi {{ role }}',
    text: '{{ signed_up_at }} {{ plan|free }} {{ customer_for }} {{ unsubscribe_url }}',
    html: '<p>{{ signed_up_at|recently }}</p>',
  });
  expect(found.audience).toBe(8);
  expect(found.tags).toEqual([
    { tag: 'role', field: 'custom:role', in: ['title'], fallback: false, missing: 0, percent: 0 },
    {
      tag: 'signed_up_at',
      field: 'signed_up_at',
      in: ['text', 'html'],
      fallback: false,
      missing: 3,
      percent: 37.5,
    },
    { tag: 'plan', field: 'custom:plan', in: ['text'], fallback: true, missing: 7, percent: 87.5 },
    { tag: 'customer_for', field: null, in: ['text'], fallback: false, missing: 0, percent: 0 },
    { tag: 'unsubscribe_url', field: null, in: ['text'], fallback: false, missing: 0, percent: 0 },
  ]);
  expect(found.refusals).toEqual([]);
  expect(found.warnings).toMatchObject([
    {
      code: 'tag_some_lack',
      message: '37.5 % of this audience have no `signed_up_at` and the tag has no fallback',
      path: '/template/text',
      hint: 'write a fallback as in {{ signed_up_at|there }}; 3 of 8 people would read a gap',
    },
  ]);
});

test('a value that nobody of the audience has is refused, though others have it; with a fallback it is fine', async () => {
  const admins = { '==': [{ var: 'custom:role' }, 'admin'] };
  expect((await checked({ text: '{{ plan }}' }, admins)).refusals).toMatchObject([
    { code: 'tag_nobody_has', path: '/template/text' },
  ]);
  expect((await checked({ text: '{{ plan|free }}' }, admins)).refusals).toEqual([]);
});

test("a trait that was never sent is refused with what was probably meant, and another workspace's is none of ours", async () => {
  const { refusals } = await checked({ text: '{{ rolle }}', html: '{{ custom:city }}' });
  expect(refusals.map(({ code, path, hint }) => [code, path, hint])).toEqual([
    ['tag_unknown_trait', '/template/text', 'did you mean {{ role }}?'],
    ['tag_unknown_trait', '/template/html', expect.stringContaining('write a fallback') as unknown],
  ]);
});

test('an audience of nobody is not divided by', async () => {
  const found = await checked({ text: '{{ plan }}' }, { '==': [{ var: 'user_id' }, 'nobody'] });
  expect(found).toMatchObject({
    audience: 0,
    tags: [{ missing: 0, percent: 0 }],
    refusals: [],
    warnings: [],
  });
});

test('a preview is what would be sent, with a link that leads nowhere and the gaps named', () => {
  const template = parseTemplate(
    { title: 'Hi {{ name|you }}', html: '<p>{{ role }}<a href="{{ unsubscribe_url }}">x</a></p>' },
    'email',
  );
  const user = { user_id: 'u1', email: 'nobody', custom_fields: {} };
  const publicUrl = 'https://m.example.com';
  expect(
    previewTemplate(template, { channel: 'email', user, moment: { now: 0, zone: 'UTC' }, publicUrl }),
  ).toEqual({
    title: 'Hi you',
    text: 'x [https://m.example.com/u/preview]',
    html: '<p><a href="https://m.example.com/u/preview">x</a></p>',
    to: null,
    unreachable: 'bad_email',
    blank: ['role'],
  });
});

test('a title is one line in a preview too, whatever a value holds', () => {
  const template = parseTemplate({ title: 'Hi {{ name }}, hello', text: 'x' }, 'email');
  const user = { user_id: 'u1', name: 'Ann\r\nBcc: eve@example.com\u2028', custom_fields: {} };
  const moment = { now: 0, zone: 'UTC' };
  const shown = previewTemplate(template, {
    channel: 'email',
    user,
    moment,
    publicUrl: 'https://m.example.com',
  });
  expect(shown.title).toBe('Hi Ann Bcc: eve@example.com , hello');
});

test('a template is checked as in a step, with its paths', () => {
  let refusal: unknown;
  try {
    parseTemplate({ text: 'Hi {{ name', html: 3 }, 'email');
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toMatchObject({
    problems: [
      { code: 'bad_merge_tag', path: '/template/text' },
      { code: 'series_expected', path: '/template/html' },
    ],
  });
});

test('a text with more tags than a row of Postgres has columns is checked as any other', async () => {
  const text = Array.from({ length: 1700 }, (_, index) => `{{ k${index} }}`).join(' ');
  const found = await checked({ text: `${text} {{ plan }}` });
  expect(found.tags).toHaveLength(1701);
  expect(found.tags.at(-1)).toMatchObject({ tag: 'plan', missing: 7 });
});
