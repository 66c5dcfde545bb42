import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { isObject } from '../../src/filter/values.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Answer, Service } from './service.js';

let service: Service;
beforeAll(async () => {
  const { pool } = await testDatabase();
  service = await startService(pool, 'acme');
});

async function send(
  body: string | Buffer,
  headers: Record<string, string>,
  query = '',
): Promise<{ status: number; body: Answer['body'] }> {
  const answer = await fetch(`${service.url}/api/imports${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${service.secretKey}`, ...headers },
    body: new Uint8Array(Buffer.from(body)),
  });
  const parsed: unknown = await answer.json();
  return { status: answer.status, body: isObject(parsed) ? parsed : {} };
}

const csv = 'user_id,plan\ni1,pro\n';

describe('the content type', () => {
  it.each([
    ['text/csv', csv],
    ['application/csv', csv],
    ['text/csv; charset="utf-8"; header=present', csv],
    ['application/vnd.ms-excel', csv],
    ['text/plain', csv],
    ['application/octet-stream', csv],
    ['', csv],
    ['text/tab-separated-values', csv.replaceAll(',', '\t')],
    ['application/jsonl', '{"user_id":"i1","traits":{"plan":"pro"}}\n'],
    ['application/json', '[\n {"user_id":"i1","traits":{"plan":"pro"}}\n]'],
    ['application/octet-stream', '[{"user_id":"i1","traits":{"plan":"pro"}}]'],
  ])('`%s` is read', async (type, content) => {
    const { status, body } = await send(content, type === '' ? {} : { 'content-type': type });
    expect([status, body]).toMatchObject([200, { rows: 1, rejected: 0 }]);
  });

  it('says the encoding, and an option says it too', async () => {
    const bytes = Buffer.from('user_id,name\nw1,Zo\xeb \x80\n', 'latin1');
    for (const [type, query] of [
      ['text/csv; charset=windows-1252', ''],
      ['text/csv', '?encoding=windows-1252'],
    ] as const) {
      const { body } = await send(bytes, { 'content-type': type }, query);
      expect(body).toMatchObject({ encoding: 'windows-1252', format: 'csv', delimiter: ',' });
    }
    const { body } = await service.call('GET', '/api/users/w1');
    expect(body).toMatchObject({ name: 'Zoë €' });
  });

  it.each([
    ['multipart/form-data; boundary=x', '--data-binary'],
    ['application/x-www-form-urlencoded', '--data-binary'],
    ['image/png', 'text/csv'],
  ])('`%s` is refused with what to send', async (type, hint) => {
    const { status, body } = await send(csv, { 'content-type': type });
    expect([status, body.error?.code]).toEqual([415, 'body_wrong_type']);
    expect(body.error?.hint).toContain(hint);
  });

  it('a workbook is named whatever it is sent as, and a gzip body is unpacked', async () => {
    const workbook = await send(Buffer.from('504b030414', 'hex'), {
      'content-type': 'application/vnd.ms-excel',
    });
    expect([workbook.status, workbook.body.error?.code]).toEqual([415, 'import_not_text']);
    const packed = await send(gzipSync(csv), { 'content-type': 'text/csv', 'content-encoding': 'gzip' });
    expect(packed.body).toMatchObject({ rows: 1, rejected: 0 });
  });
});

it('options are query parameters, and the answer says what became of each column', async () => {
  const query = new URLSearchParams([
    ['map', 'Key=user_id,Mail=email'],
    ['map', '"a, b"=note'],
    ['dates', 'dmy'],
    ['dry_run', 'false'],
  ]);
  const content =
    'Key;Mail;"a, b";signed_up_at;created_at\nq1;q1@example.com;x;05.12.2026;2026\nq2;;y;soon;\n';
  const { body } = await send(content, { 'content-type': 'text/csv' }, `?${query.toString()}`);
  expect(body).toMatchObject({
    rows: 2,
    created: 2,
    updated: 0,
    rejected: 0,
    cells_refused: 1,
    dry_run: false,
    delimiter: ';',
    encoding: 'utf-8',
    columns: [
      { name: 'Key', field: 'user_id', type: 'text', read: 2 },
      { name: 'Mail', field: 'email', read: 1, empty: 1 },
      { name: 'a, b', field: 'note', type: 'text', read: 2 },
      { name: 'signed_up_at', field: 'signed_up_at', type: 'time', read: 1, refused: 1, example: 'soon' },
      { name: 'created_at', field: null, type: null, map: 'created_at=source_created_at' },
    ],
    rejects: [{ line: 3, column: 'signed_up_at', value: 'soon', code: 'trait_not_time' }],
  });
});

it.each([
  ['?preset=nobody', 'body_invalid'],
  ['?keys=email', 'body_unknown_key'],
  ['?map=plan', 'import_bad_map'],
  ['?delimiter=ab', 'import_bad_delimiter'],
])('`%s` is refused', async (query, code) => {
  const { status, body } = await send(csv, { 'content-type': 'text/csv' }, query);
  expect([status, body.error?.code]).toEqual([400, code]);
});

it('messages name the file only where the caller named one', async () => {
  const cut = 'user_id,a\nx,"1\n';
  const unnamed = await send(cut, { 'content-type': 'text/csv' });
  expect(unnamed.body.error?.message).toMatch(/^the file is not well-formed near line 2/);
  const disposition = {
    'content-type': 'text/csv',
    'content-disposition': 'attachment; filename="mine.csv"',
  };
  for (const named of [
    await send(cut, disposition),
    await send(cut, { 'content-type': 'text/csv' }, '?name=mine.csv'),
  ]) {
    expect(named.body.error?.message).toMatch(/^`mine.csv` is not/);
  }
});

it('an empty body is refused', async () => {
  const { body } = await send('', { 'content-type': 'text/csv' });
  expect(body.error?.code).toBe('import_empty');
});

describe('POST /api/imports/events', () => {
  it('loads what people did before, once', async () => {
    const file = 'Who;event;time;amount\ne1;order;1.3.2026 10:00;"1,50"\n;order;1.3.2026;2\n';
    const load = async (): Promise<unknown> => {
      const answer = await fetch(`${service.url}/api/imports/events?map=Who%3Duser_id&dates=dmy`, {
        method: 'POST',
        headers: { authorization: `Bearer ${service.secretKey}`, 'content-type': 'text/csv' },
        body: file,
      });
      return answer.json();
    };
    expect(await load()).toMatchObject({
      rows: 2,
      stored: 1,
      repeated: 0,
      rejected: 1,
      cells_refused: 0,
      delimiter: ';',
      rejects: [{ line: 3, code: 'event_of_nobody' }],
    });
    expect(await load()).toMatchObject({ stored: 0, repeated: 1 });
    const filter = { did: { event: 'order', where: { '==': [{ var: 'property:amount' }, 1.5] } } };
    const { body } = await service.call('POST', '/api/audiences/preview', { filter });
    expect(body).toMatchObject({ count: 1 });
  });
});
