import { createHash } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let service: Service;

beforeAll(async () => {
  const { pool } = await testDatabase();
  service = await startService(pool, 'acme');
});

it('a browser gets a page of links that lead somewhere, without a key', async () => {
  const answer = await fetch(service.url, {
    headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
  });
  const text = await answer.text();
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  const links = [...text.matchAll(/href="([^"]+)"/g)].map(([, href = '']) => href);
  expect(links).toEqual(['/openapi.json', '/admin/queues', '/healthz', '/readyz', '/metrics']);
  for (const link of links) {
    const { status, body } = await fetch(service.url + link);
    // What is not read would keep its connection.
    await body?.cancel();
    expect([200, 401]).toContain(status);
  }
});

it('the page has no script and no form, and its policy lets nothing else in', async () => {
  const answer = await fetch(service.url, { headers: { accept: 'text/html' } });
  const text = await answer.text();
  expect(text).not.toMatch(/<script|<form|<img|https?:/);
  const policy = answer.headers.get('content-security-policy') ?? '';
  const style = /<style>([^<]*)<\/style>/.exec(text)?.[1] ?? '';
  expect(policy).toMatch(/^default-src 'none'; .*form-action 'none'; frame-ancestors 'none'$/);
  expect(policy).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
});

it.each(['application/json', '*/*'])('a program that accepts %s gets the links as JSON', async (accept) => {
  const answer = await fetch(service.url, { headers: { accept } });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    'application/json; charset=utf-8',
  ]);
  expect(await answer.json()).toMatchObject({
    name: 'Muster',
    links: { '/openapi.json': 'every call of the API' },
  });
});
