import { expect, test } from 'vitest';
import { renderTemplate, templateFields, templateProblems } from '../../src/automation/index.js';
import { textOfHtml } from '../../src/automation/html-text.js';
import { renderedMessage } from '../../src/automation/work/render.js';
import type { UserRecord } from '../../src/filter/record.js';

const now = Date.UTC(2026, 0, 31);
const moment = { now, zone: 'UTC' };
const user: UserRecord = {
  user_id: 'u1',
  name: 'Ada',
  email: '',
  signed_up_at: null,
  created_at: new Date(now - 3 * 86_400_000),
  renewal_date: '2026-02-01T01:00:00+01:00',
  custom_fields: {
    role: 'admin',
    seats: 3,
    beta: false,
    tags: ['a', 'b'],
    deep: { key: ['x'] },
    gone: null,
    'two words': 'yes',
    text: 'costs {{ seats }}',
    due: '2026-02-03T00:00:00Z',
  },
  company: {
    company_id: 'c1',
    name: 'Analytical',
    signed_up_at: '2026-02-01T00:00:00.001Z',
    custom_fields: { plan: 'pro' },
  },
};

test.each([
  ['{{ name }}', 'Ada'],
  ['{{name}}', 'Ada'],
  ['Hello {{ name }}, {{ role }}!', 'Hello Ada, admin!'],
  ['{{ custom:role }}', 'admin'],
  ['{{ seats }} {{ beta }} {{ tags }}', '3 false a, b'],
  ['{{ deep }}', '{"key":["x"]}'],
  ['{{ custom:/deep/key/0 }}', 'x'],
  ['{{ two words }}', 'yes'],
  ['{{ company.name }} {{ company.custom:plan }}', 'Analytical pro'],
  ['{{ days_since_signup }}', '3'],
  ['{{ renewal_date }}', '2026-02-01'],
  ['{{ company.signed_up_at }} {{ due }}', '2026-02-01T00:00:00.001Z 2026-02-03'],
  ['{{ created_at }}', '2026-01-28T00:00:00.000Z'],
])('%s renders as %j', (template, text) => {
  expect(renderTemplate(template, user, moment)).toBe(text);
});

test.each([
  ['{{ signed_up_at }}', ''],
  ['{{ signed_up_at|recently }}', 'recently'],
  ['{{ signed_up_at | not long ago }}', 'not long ago'],
  ['{{ gone|nothing }}', 'nothing'],
  ['{{ unheard_of }}', ''],
  ['{{ constructor|plain }}', 'plain'],
  ['{{ __proto__|plain }}', 'plain'],
])('%s of a missing value renders as %j', (template, text) => {
  expect(renderTemplate(template, user, moment)).toBe(text);
});

test('empty text is a value: it takes no fallback', () => {
  expect(renderTemplate('{{ email|nobody }}', user, moment)).toBe('');
});

test('a value that looks like a merge tag is not rendered again', () => {
  expect(renderTemplate('{{ text }}', user, moment)).toBe('costs {{ seats }}');
});

test.each([
  ['{{ }}', 'names no field'],
  ['{{ name', 'is not closed'],
  ['name }}', 'closes nothing'],
  ['{{ #each tags }}', 'is not a field'],
  ['{{ name() }}', 'is not a field'],
  ['{{ {name} }}', 'holds another brace'],
  ['{{ name|a|b }}', 'has more than one fallback'],
  ['{{ company.nmae }}', 'names no known field'],
  ['{{ custom: }}', 'names no known field'],
  ['{{ custom:/a~2 }}', 'names no known field'],
])('%s is reported: it %s', (template, fault) => {
  const problems = templateProblems(template, '/steps/0/message/text');
  expect(problems.map(({ code, path }) => [code, path])).toEqual([
    ['bad_merge_tag', '/steps/0/message/text'],
  ]);
  expect(problems[0]?.message).toContain(fault);
});

test('the fields that a text reads are known', () => {
  expect(templateFields('{{ name|x }} {{ custom:role }} plain')).toEqual(['name', 'custom:role']);
});

const customerMoment = { now: Date.parse('2026-03-01T00:00:00Z'), zone: 'UTC' };

test.each([
  ['{{ customer_for }}', '59 days'],
  ['{{ customer_for | new }}', '59 days'],
])('%s renders how long the person has been a customer', (template, text) => {
  expect(renderTemplate(template, { signed_up_at: '2026-01-01T00:00:00Z' }, customerMoment)).toBe(text);
});

test('`customer_for` is derived, whatever custom field has that name, and falls back as `days_since_signup` does', () => {
  const record = { created_at: new Date('2026-02-28T12:00:00Z'), custom_fields: { customer_for: 'ever' } };
  expect(renderTemplate('{{ customer_for }}', record, customerMoment)).toBe('less than a day');
  expect(renderTemplate('{{ customer_for|new }}', {}, customerMoment)).toBe('new');
  expect(templateProblems('{{ customer_for }}', '/text')).toEqual([]);
  expect(templateFields('{{ customer_for }}')).toEqual(['days_since_signup']);
});

test('an HTML channel escapes values, in text and attributes, and leaves the author’s own markup', () => {
  const record = { name: `<script>"&'</script>`, custom_fields: { tags: ['<a>', 1] } };
  const template = '<b title="{{ name }}">{{ name }}</b> {{ tags }} {{ plan|<i>none</i> }}';
  const safe = '&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;';
  expect(renderTemplate(template, record, customerMoment, { escape: 'html' })).toBe(
    `<b title="${safe}">${safe}</b> &lt;a&gt;, 1 <i>none</i>`,
  );
  expect(renderTemplate('{{ name }}', record, customerMoment, { escape: 'none' })).toBe(record.name);
  expect(renderTemplate('{{ name }}', record, customerMoment)).toBe(record.name);
});

const reader = { user: { ...user, name: `<b>A & "B"</b>`, email: 'ada@example.com' }, moment };

test('HTML escapes values and keeps the markup; its text is made from it', () => {
  const template = {
    title: 'Hi {{ name }}',
    text: null,
    html: '<p>Hello <em>{{ name }}</em></p><p title="{{ name }}">{{ nobody|<i>you</i> }}</p>',
  };
  expect(renderedMessage(template, { ...reader, channel: 'email' })).toEqual({
    title: `Hi <b>A & "B"</b>`,
    text: `Hello <b>A & "B"</b>\n\nyou`,
    html:
      '<p>Hello <em>&lt;b&gt;A &amp; &quot;B&quot;&lt;/b&gt;</em></p>' +
      '<p title="&lt;b&gt;A &amp; &quot;B&quot;&lt;/b&gt;"><i>you</i></p>',
    to: 'ada@example.com',
  });
});

test('text that is written stays the text, beside HTML too', () => {
  const template = { title: null, text: 'Plain {{ name }}', html: '<p>Rich</p>' };
  expect(renderedMessage(template, { ...reader, channel: 'email' })).toMatchObject({
    title: null,
    text: 'Plain <b>A & "B"</b>',
    html: '<p>Rich</p>',
  });
});

test('what a channel fills itself is no trait, and renders nothing where it is not filled', () => {
  const person = { custom_fields: { unsubscribe_url: 'https://evil.example' } };
  const text = '{{ unsubscribe_url|nowhere }}';
  expect(renderTemplate(text, person, moment)).toBe('nowhere');
  expect(
    renderTemplate(text, person, moment, { own: { unsubscribe_url: 'https://a/?b&c' }, escape: 'html' }),
  ).toBe('https://a/?b&amp;c');
  expect(templateFields(text)).toEqual([]);
});

test.each([
  ['<ul><li>one</li><li>two</li></ul>', ' * one\n * two'],
  [
    '<p>See <a href="https://a.example/x?y=1&amp;z=2">this</a>.</p>',
    'See this [https://a.example/x?y=1&z=2].',
  ],
  ['<a href="https://a.example">https://a.example</a>', 'https://a.example'],
  ['<style>p { color: red }</style><p>a<br>b</p><script>x()</script>', 'a\nb'],
  ['<img src="x.png" alt="logo">Hi&nbsp;there, 🧑‍🚀', 'Hi\u00a0there, 🧑‍🚀'],
])('%.70s reads as %j', (html, text) => {
  expect(textOfHtml(html)).toBe(text);
});

test('HTML that is nested deeper than any mail exhausts no stack', () => {
  expect(textOfHtml(`<p>top</p>${'<div>'.repeat(5000)}deep${'</div>'.repeat(5000)}`)).toBe('top\n\n');
});
