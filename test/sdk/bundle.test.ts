import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { bundleSdk, writeSdk } from '../../.config/scripts/sdk.js';
import { testDatabase } from '../support/database.js';
import { startService } from '../server/service.js';

const text = await bundleSdk();

it('the browser script is under 4 KB gzipped', () => {
  expect(gzipSync(text, { level: 9 }).length).toBeLessThan(4000);
  // Nothing was left out to get there.
  expect(text).toContain('companies/identify');
});

it('the browser script is one file that evaluates no text, sets no cookie and imports nothing', () => {
  expect(text).not.toMatch(/\beval\b|\bFunction\(|document\.cookie|\bimport\b|\brequire\(/);
});

it('GET /muster.js gives the built script without a key, to any origin, and not twice to who has it', async () => {
  await writeSdk();
  const { pool } = await testDatabase();
  const { url } = await startService(pool, 'acme');
  const first = await fetch(`${url}/muster.js`);
  expect(first.status).toBe(200);
  expect(first.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(first.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  expect(await first.text()).toBe(text);
  const etag = first.headers.get('etag') ?? '';
  const second = await fetch(`${url}/muster.js`, { headers: { 'if-none-match': etag } });
  expect(second.status).toBe(304);
  expect(await second.text()).toBe('');
});
