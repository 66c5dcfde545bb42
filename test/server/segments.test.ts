import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;
const role = { var: 'custom:role' };
const admins = { '==': [role, 'admin'] };

type Answer = Awaited<ReturnType<Service['call']>>;

const save = async (key: string, filter: unknown): Promise<Answer> =>
  service.call('PUT', `/api/segments/${key}`, { name: key, filter });

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme');
  for (const [userId, traits] of Object.entries({ ada: { role: 'admin' }, bob: { role: 'owner' }, cy: {} })) {
    await service.call('POST', '/api/sdk/users/identify', { user_id: userId, traits });
  }
});

it('a saved segment is shown with its sentence, and grows a version only when its filter changes', async () => {
  const made = await service.call('POST', '/api/segments', { key: 'admins', name: 'Admins', filter: admins });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({ key: 'admins', filter: admins, sentence: 'role is "admin"', version: 1 });
  const again = await service.call('POST', '/api/segments', { key: 'admins', name: 'A', filter: admins });
  expect(again).toMatchObject({ status: 409, body: { error: { code: 'segment_exists', path: '/key' } } });
  expect(await save('admins', admins)).toMatchObject({ status: 200, body: { name: 'admins', version: 1 } });
  expect(await save('admins', { in: [role, ['admin', 'owner']] })).toMatchObject({ body: { version: 2 } });
  expect(await save('admins', admins)).toMatchObject({ body: { version: 3 } });
});

it('every call about audiences answers a filter that names a segment, and follows the segment when it is saved anew', async () => {
  await save('chiefs', admins);
  const filter = { '!': { segment: 'chiefs' } };
  const count = async (): Promise<unknown> =>
    (await service.call('POST', '/api/audiences/preview', { filter, sample: 5 })).body;
  expect(await count()).toMatchObject({
    count: 2,
    clauses: [{ path: '/!', sentence: 'is in the segment "chiefs"', count: 1 }],
  });
  await save('chiefs', { in: [role, ['admin', 'owner']] });
  expect(await count()).toMatchObject({ count: 1, sample: [{ user_id: 'cy' }] });
  const { body } = await service.call('POST', '/api/audiences/explain', { filter, user_id: 'bob' });
  expect(body).toMatchObject({
    matched: false,
    changes_at: null,
    clauses: [
      {
        reason: 'matched',
        seen: { member: true },
        wanted: { segment: 'chiefs' },
        segment: { sentence: 'role is one of "admin" or "owner"', clauses: [{ seen: 'owner' }] },
      },
    ],
  });
  const compiled = await service.call('POST', '/api/audiences/compile', { filter });
  expect(compiled.body).toMatchObject({ fields: ['custom:role'] });
});

it('members are those whom the filter matches now', async () => {
  await save('chiefs', admins);
  const { body } = await service.call('GET', '/api/segments/chiefs/members?limit=1');
  expect(body).toEqual({
    count: 1,
    stored: false,
    members: [{ user_id: 'ada', name: null, email: null, entered_at: null }],
    next: null,
  });
});

it('a segment inside itself is refused, also where the circle is closed by a change of another', async () => {
  await save('inner', admins);
  await save('outer', { or: [{ segment: 'inner' }, { segment: 'chiefs' }] });
  expect(await save('inner', { '!': { segment: 'outer' } })).toMatchObject({
    status: 400,
    body: {
      error: {
        code: 'segment_cycle',
        path: '/filter/!/segment',
        message: 'a segment cannot be inside itself: `inner` → `outer` → `inner`',
      },
    },
  });
  const [one, other] = [save('ping', { segment: 'inner' }), save('pong', { segment: 'inner' })];
  await Promise.all([one, other]);
  const both = await Promise.all([save('ping', { segment: 'pong' }), save('pong', { segment: 'ping' })]);
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400]);
});

it('a change that would make a segment around it too large is refused, naming that one', async () => {
  await save('block', admins);
  await save('blocks', { or: Array.from({ length: 300 }, () => ({ segment: 'block' })) });
  await save('tower', { segment: 'blocks' });
  const wide = { or: Array.from({ length: 100 }, () => admins) };
  expect(await save('block', wide)).toMatchObject({
    status: 400,
    body: { error: { code: 'segment_breaks_others', path: '/filter' } },
  });
  expect((await service.call('GET', '/api/segments/block')).body).toMatchObject({ filter: admins });
});

it('a change that would make a series or a broadcast around it unreadable is refused, naming that one', async () => {
  await save('brick', admins);
  const audience = { or: Array.from({ length: 300 }, () => ({ segment: 'brick' })) };
  const message = { channel: 'log', message: { text: 'hi' } };
  const series = {
    key: 'around-brick',
    name: 'Around',
    trigger: { type: 'user_created' },
    entry: 'once',
    steps: [
      { type: 'branch', key: 'who', arms: [{ when: { '!': audience }, to: 'end' }] },
      { type: 'send', key: 'hello', ...message },
    ],
  };
  const broadcast = { key: 'about-brick', name: 'About', audience, ...message };
  const wide = { or: Array.from({ length: 100 }, () => admins) };
  for (const [path, document, what] of [
    ['/api/series', series, 'series `around-brick`'],
    ['/api/broadcasts', broadcast, 'broadcast `about-brick`'],
  ] as const) {
    expect((await service.call('POST', path, document)).body).toMatchObject({ key: document.key });
    expect(await save('brick', wide)).toMatchObject({
      status: 400,
      body: {
        error: {
          code: 'segment_breaks_others',
          path: '/filter',
          message: expect.stringContaining(what) as unknown,
        },
      },
    });
    expect((await service.call('DELETE', `${path}/${document.key}`)).status).toBe(200);
  }
  expect((await save('brick', wide)).status).toBe(200);
});

it('a segment that a segment or a series uses is not deleted, and what uses it is named', async () => {
  await save('used', admins);
  await save('around', { '!': { segment: 'used' } });
  const series = {
    key: 'welcome',
    name: 'Welcome',
    trigger: { type: 'user_created' },
    audience: { segment: 'used' },
    steps: [{ type: 'send', key: 'hello', channel: 'log', message: { text: 'Hello' } }],
  };
  expect((await service.call('POST', '/api/series', series)).status).toBe(201);
  expect(await service.call('DELETE', '/api/segments/used')).toMatchObject({
    status: 409,
    body: {
      error: {
        code: 'segment_in_use',
        message: 'the segment `used` is in use by segment `around`, series `welcome`',
        details: {
          users: [
            { kind: 'segment', key: 'around' },
            { kind: 'series', key: 'welcome' },
          ],
        },
      },
    },
  });
  await service.call('DELETE', '/api/segments/around');
  await service.call('DELETE', '/api/series/welcome');
  expect((await service.call('DELETE', '/api/segments/used')).status).toBe(200);
  expect((await service.call('GET', '/api/segments/used')).status).toBe(404);
});

it('a series that names a segment which is not saved is refused with the place', async () => {
  const { status, body } = await service.call('POST', '/api/series', {
    key: 'lost',
    name: 'Lost',
    trigger: { type: 'segment_entered', segment: 'chief' },
    exit: { segment: 'nobody' },
    steps: [{ type: 'send', key: 'hello', channel: 'log', message: { text: 'Hello' } }],
  });
  expect(status).toBe(400);
  expect(body).toMatchObject({
    error: {
      details: {
        problems: [
          { code: 'unknown_segment', path: '/trigger/segment', hint: 'did you mean `chiefs`?' },
          { code: 'unknown_segment', path: '/exit/segment' },
        ],
      },
    },
  });
});

it('the people of a segment and of any filter come as a CSV file to save; what is wrong is refused before it begins', async () => {
  await save('exported', { '==': [{ var: 'user_id' }, 'ada'] });
  const file = await service.call('GET', '/api/segments/exported/members.csv?fields=user_id,custom:role');
  expect([file.status, file.text]).toEqual([200, 'user_id,role\r\nada,admin\r\n']);
  expect(file.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(file.headers.get('content-disposition')).toBe('attachment; filename="exported.csv"');
  const all = await service.call('GET', '/api/segments/exported/members.csv');
  expect(all.text).toMatch(/^user_id,anonymous_id,company_id,name,[^]*,role\r\nada,/);
  const filter = { '==': [role, 'owner'] };
  const audience = await service.call('POST', '/api/audiences/export', { filter, fields: ['user_id'] });
  expect([audience.status, audience.text]).toEqual([200, 'user_id\r\nbob\r\n']);
  for (const [answer, code] of [
    [await service.call('GET', '/api/segments/nope/members.csv'), 'segment_not_found'],
    [await service.call('GET', '/api/segments/exported/members.csv?fields=nope'), 'unknown_field'],
    [await service.call('POST', '/api/audiences/export', { filter: { nope: 1 } }), 'unknown_operator'],
  ] as const) {
    expect(answer.body.error?.code).toBe(code);
    expect(answer.headers.get('content-type')).toContain('application/json');
  }
});
