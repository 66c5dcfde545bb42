import { expect, it } from 'vitest';
import { forbiddenLinks, withSafeLinks } from '../../src/automation/html-links.js';
import { parseBroadcast } from '../../src/automation/broadcasts/parse.js';
import { parseSeries } from '../../src/automation/series/parse.js';
import { renderedMessage } from '../../src/automation/work/render.js';
import { MusterError } from '../../src/errors/index.js';

const render = (html: string, custom: Record<string, unknown>): string | undefined =>
  renderedMessage(
    { title: 'Hello', text: 'Hello', html },
    { channel: 'email', user: { user_id: 'u', custom_fields: custom }, moment: { now: 0, zone: 'UTC' } },
  ).html;

it.each([
  ['https://example.com/?a=1&b=2', 'https://example.com/?a=1&amp;b=2'],
  ['HTTP://example.com', 'HTTP://example.com'],
  ['mailto:ada@example.com', 'mailto:ada@example.com'],
  ['/relative', '/relative'],
  ['//example.com/x', '//example.com/x'],
  ['example.com/a:b', 'example.com/a:b'],
  ['', ''],
  ['javascript:alert(1)', '#'],
  [' JavaScript:alert(1)', '#'],
  ['\u0001java\tscript\n:alert(1)', '#'],
  ['data:text/html,<script>alert(1)</script>', '#'],
  ['vbscript:x', '#'],
  ['file:///etc/passwd', '#'],
  ['tel:123', '#'],
  ['intent://x', '#'],
])('a value in href or src keeps http, https and mailto alone: %j', (value, kept) => {
  expect(render('<a href="{{ url }}">x</a>', { url: value })).toBe(`<a href="${kept}">x</a>`);
  expect(render("<p><img alt='>' SRC = '{{ url }}'/></p>", { url: value })).toBe(
    `<p><img alt='>' SRC = '${kept}'/></p>`,
  );
});

it('a scheme that is put together from the text and values is read as a whole', () => {
  expect(render('<a href="java{{ x }}">x</a>', { x: 'script:alert(1)' })).toBe('<a href="#">x</a>');
  expect(render('<a href="{{ a }}{{ b }}">x</a>', { a: 'javascript', b: ':alert(1)' })).toBe(
    '<a href="#">x</a>',
  );
  expect(render('<a href="{{ a|javascript }}:alert(1)">x</a>', {})).toBe('<a href="#">x</a>');
  expect(render('<a href={{ a }}>x</a>', { a: 'javascript:alert(1)' })).toBe('<a href=#>x</a>');
  expect(render('<a {{ a }}>x</a>', { a: 'href=javascript:alert(1)' })).toBe('<a href=#>x</a>');
  expect(render('<a {{ a }} href="{{ b }}">x</a>', { a: '=', b: 'javascript:x' })).toBe(
    '<a = href="#">x</a>',
  );
  expect(render('<img srcset="{{ a }} 1x, {{ b }} 2x">', { a: 'https://a.example', b: 'data:x' })).toBe(
    '<img srcset="#">',
  );
});

it('what the author wrote stays: other schemes, text that looks like a link, and the rest of the message', () => {
  const html =
    '<!-- href="javascript:x" --><a href="tel:{{ phone }}">call</a> href="javascript:no attribute" <a title="javascript:x" href="https://x.example/{{ phone }}">x</a>';
  expect(render(html, { phone: '123' })).toBe(html.replaceAll('{{ phone }}', '123'));
  // A comment that Outlook reads is HTML.
  expect(render('<!--[if mso]><a href="{{ url }}">x</a><![endif]-->', { url: 'javascript:x' })).toBe(
    '<!--[if mso]><a href="#">x</a><![endif]-->',
  );
});

it('a link that the text of a mail is made from is the safe one', () => {
  const { text } = renderedMessage(
    { title: 'Hello', text: null, html: '<a href="{{ url }}">shop</a>' },
    {
      channel: 'email',
      user: { custom_fields: { url: 'javascript:alert(1)' } },
      moment: { now: 0, zone: 'UTC' },
    },
  );
  expect(text).not.toContain('javascript');
});

const problems = (work: () => unknown): [string, string][] => {
  try {
    work();
  } catch (error) {
    if (error instanceof MusterError) return error.problems.map(({ code, path }) => [code, path]);
    throw error;
  }
  return [];
};

it.each([
  '<a href="javascript:alert(1)">x</a>',
  '<a href="&#106;avascript&colon;alert(1)">x</a>',
  "<a\nhref = 'java\nscript:alert(1)'>x</a>",
  '<img src=data:image/png;base64,AAAA>',
  '<form action="vbscript:x"></form>',
  '<a href="file:///etc/passwd">x</a>',
])('a message with %j is refused when it is saved, and what was saved before still runs', (html) => {
  const message = { title: 'Hello', html };
  const series = (channels?: null) =>
    parseSeries(
      {
        key: 's',
        name: 'S',
        trigger: { type: 'user_created' },
        steps: [{ type: 'send', key: 'a', channel: 'email', message }],
      },
      channels === null ? { channels } : {},
    );
  const broadcast = (channels?: null) =>
    parseBroadcast(
      { key: 'b', name: 'B', audience: { everyone: true }, channel: 'email', message },
      channels === null ? { channels } : {},
    );
  expect(problems(() => series())).toEqual([['link_bad_scheme', '/steps/0/message/html']]);
  expect(problems(() => broadcast())).toEqual([['link_bad_scheme', '/message/html']]);
  expect(problems(() => [series(null), broadcast(null)])).toEqual([]);
});

it('a long message is looked through in time that grows with its length', () => {
  const long = `${'<a href="https://x.example/{{ a }}">x</a> < '.repeat(5000)}${'<a '.repeat(20_000)}${'="'.repeat(20_000)}`;
  const started = performance.now();
  expect(forbiddenLinks(long)).toEqual([]);
  withSafeLinks(long, long);
  expect(performance.now() - started).toBeLessThan(2000);
});
