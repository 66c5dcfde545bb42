import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { skipped } from './chromium.js';
import { eventually, startBench } from './bench.js';
import type { Bench } from './bench.js';

/** Segment's client for browsers as a page bundles it: `AnalyticsBrowser` is a global of the page. */
async function bundleClient(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { AnalyticsBrowser } from '@segment/analytics-next'; window.AnalyticsBrowser = AnalyticsBrowser;`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    format: 'iife',
    write: false,
    logLevel: 'silent',
  });
  await stop();
  return outputFiles[0]?.text ?? '';
}

describe.skipIf(skipped)("Segment's client for browsers, unchanged", () => {
  let bench: Bench;
  let client: string;
  beforeAll(async () => {
    // One after the other: both stop esbuild when they are done.
    client = await bundleClient();
    bench = await startBench();
  });

  const page = (deliveryStrategy?: object): string => {
    const key = bench.service.writeKey;
    // Without settings of the page's own the client asks Segment for them.
    const cdnSettings = { integrations: { 'Segment.io': { apiKey: key } }, metrics: { flushTimer: 100 } };
    const apiHost = `${new URL(bench.gateway.url).host}/v1`;
    const options = { integrations: { 'Segment.io': { apiHost, protocol: 'http', deliveryStrategy } } };
    const load = [{ writeKey: key, cdnSettings }, options].map((each) => JSON.stringify(each)).join(', ');
    return `<script>${client.replaceAll('</script', String.raw`<\/script`)}</script>
      <script>window.failed = []; window.analytics = AnalyticsBrowser.load(${load});
      analytics.on('error', ({ code, reason }) => failed.push(code + ' ' + reason));</script>`;
  };

  const stored = (userId: string): Promise<object[]> =>
    bench.pool
      .query<{ event: string; name: string | null; plan: string | null }>(
        `SELECT e.event, e.properties->>'name' AS name, e.properties->>'plan' AS plan
         FROM events e JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
         WHERE e.workspace_id = 'acme' AND u.user_id = $1 ORDER BY e.event, e.occurred_at`,
        [userId],
      )
      .then(({ rows }) => rows);
  const paths = (): string[] => bench.gateway.calls().map(({ path }) => path);
  const refused = (): unknown[] =>
    bench.gateway.all.filter(({ path, status = 0 }) => path.startsWith('/v1') && status >= 400);

  it('person, traits, company and events are stored, each call by itself', async () => {
    const visitor = await bench.visitor();
    const tab = await bench.open(visitor, page());
    await tab.evaluate(`(async () => {
      await analytics.page('Docs', 'Pricing');
      await analytics.track('Landed', { plan: 'none' });
      await analytics.identify('chrome-1', {
        firstName: 'Cleo', lastName: 'Katz', email: 'cleo@example.com', seats: 3, company: { id: 'chrome-first' },
      });
      await analytics.track('Order Completed', { plan: 'pro' });
      await analytics.group('chrome-co', { name: 'Globex' });
      await analytics.screen('Home');
    })()`);
    // The client says by itself where the browser is and what it speaks.
    const [timezone, locale] = await tab.evaluate<[string, string]>(
      '[Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.language]',
    );
    await bench.user('chrome-1', {
      name: 'Cleo Katz',
      email: 'cleo@example.com',
      company_id: 'chrome-co',
      custom_fields: { seats: 3, timezone, locale },
    });
    const { rows } = await bench.pool.query("SELECT FROM companies WHERE company_id = 'chrome-first'");
    expect(rows).toHaveLength(1);
    await eventually(() => stored('chrome-1')).toEqual([
      { event: 'Landed', name: null, plan: 'none' },
      { event: 'Order Completed', name: null, plan: 'pro' },
      { event: 'page', name: 'Pricing', plan: null },
      { event: 'screen', name: 'Home', plan: null },
    ]);
    // The client names the user that it knows in place of the one that alias names, so this page knows none.
    const other = await bench.visitor();
    await (await bench.open(other, page())).evaluate(`analytics.alias('chrome-2', 'other-visitor')`);
    await bench.user('chrome-2', { anonymous_id: 'other-visitor' });
    await other.close();
    await eventually(paths).toContain('/v1/m');
    expect(new Set(paths())).toEqual(
      new Set(['/v1/p', '/v1/t', '/v1/i', '/v1/g', '/v1/s', '/v1/a', '/v1/m']),
    );
    expect(refused()).toEqual([]);
    expect(await tab.evaluate('failed')).toEqual([]);
    await visitor.close();
  });

  it('the same in batches', async () => {
    const visitor = await bench.visitor();
    const before = paths().length;
    const deliveryStrategy = { strategy: 'batching', config: { size: 4, timeout: 100 } };
    const tab = await bench.open(visitor, page(deliveryStrategy));
    await tab.evaluate(`(async () => {
      await analytics.identify('chrome-b', { name: 'Bea', plan: 'pro' });
      for (let each = 0; each < 10; each += 1) await analytics.track('Bulk', { plan: String(each) });
      await analytics.group('chrome-bo', { name: 'Initech' });
    })()`);
    await bench.user('chrome-b', { name: 'Bea', company_id: 'chrome-bo', custom_fields: { plan: 'pro' } });
    await eventually(() => stored('chrome-b')).toHaveLength(10);
    await eventually(() => paths().slice(before)).toContain('/v1/m');
    expect(new Set(paths().slice(before))).toEqual(new Set(['/v1/b', '/v1/m']));
    expect(refused()).toEqual([]);
    await visitor.close();
  });

  it('what gets no answer is tried again and stored once', async () => {
    const visitor = await bench.visitor();
    let cuts = 2;
    bench.gateway.fail = (path) => {
      if (path !== '/v1/t' || cuts === 0) return undefined;
      cuts -= 1;
      return cuts === 1 ? { status: 503 } : 'lose the answer';
    };
    const tab = await bench.open(visitor, page());
    await tab.evaluate(`(async () => {
      await analytics.identify('chrome-r');
      analytics.track('Retried', { plan: 'once' });
    })()`);
    await eventually(() => stored('chrome-r'), { timeout: 20_000 }).toEqual([
      { event: 'Retried', name: null, plan: 'once' },
    ]);
    bench.gateway.fail = () => undefined;
    // The browser asks first whether it may send the header that marks a retry.
    expect(bench.gateway.calls('/v1/t').some(({ headers }) => 'x-retry-count' in headers)).toBe(true);
    await visitor.close();
  });
});
