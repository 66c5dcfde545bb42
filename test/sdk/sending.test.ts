import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { plainHost, skipped } from './chromium.js';
import { eventually, startBench, stub } from './bench.js';
import type { Bench } from './bench.js';

const trackPath = '/api/sdk/track';
const beaconPath = '/api/sdk/beacon';

/** Calls that wait in the page's storage. */
const waiting = (page: Page): Promise<number> =>
  page.evaluate('Object.keys(localStorage).filter((key) => key.startsWith("muster:acme:q")).length');

describe.skipIf(skipped)('how calls get from the page to the API', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench();
  });
  beforeEach(() => {
    bench.gateway.fail = () => undefined;
    bench.gateway.all.length = 0;
  });

  const triedEvents = (): unknown[] => bench.gateway.calls(trackPath).map(({ body }) => body['event']);

  it('calls made before the script has loaded are sent in their order, whatever order the tags stand in', async () => {
    const visitor = await bench.visitor();
    await bench.open(
      visitor,
      `${stub}<script>const early = muster.track; muster.identify("early"); muster.track("one"); muster.init({ key: "${bench.service.writeKey}" }); muster.track("two")</script>
       ${bench.script}<script>addEventListener("load", () => { early("three") })</script>`,
    );
    await eventually(() => bench.events('early')).toEqual(['one', 'two', 'three']);
    expect(triedEvents()).toEqual(['one', 'two', 'three']);
    await visitor.close();
  });

  it('the global has the name of `data-name`, and a key on the tag starts it without any code in the page', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(
      visitor,
      `<script async src="${bench.gateway.url}/muster.js" data-name="growth" data-key="${bench.service.writeKey}"></script>`,
    );
    expect(await page.evaluate('typeof muster')).toBe('undefined');
    await page.evaluate('growth.identify("named")');
    await bench.user('named', {});
    expect(
      await page.evaluate('Object.keys(localStorage).every((key) => key.startsWith("growth:acme:"))'),
    ).toBe(true);
    await visitor.close();
  });

  it('works under a policy without eval and inline code, and sets no cookie', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(
      visitor,
      `<script async src="${bench.gateway.url}/muster.js" data-key="${bench.service.writeKey}"></script>`,
      {
        'content-security-policy': `default-src 'none'; script-src ${bench.gateway.url}; connect-src ${bench.gateway.url}`,
      },
    );
    await page.evaluate('muster.identify("strict"); muster.track("allowed")');
    await eventually(() => bench.events('strict')).toEqual(['allowed']);
    expect(await visitor.cookies()).toEqual([]);
    expect(bench.gateway.all.flatMap(({ headers }) => headers['cookie'] ?? [])).toEqual([]);
    await visitor.close();
  });

  it('while the network is cut calls wait in order, and are sent once it is back, each event stored once', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    bench.gateway.fail = () => 'cut';
    await page.evaluate('muster.identify("patient"); muster.track("a"); muster.track("b")');
    await eventually(() => bench.gateway.calls().length).toBeGreaterThan(2);
    expect(await waiting(page)).toBe(3);
    bench.gateway.fail = () => undefined;
    await eventually(() => bench.events('patient')).toEqual(['a', 'b']);
    await eventually(() => waiting(page)).toBe(0);
    expect(await page.evaluate('refused')).toEqual([]);
    await visitor.close();
  });

  it('a browser that comes back online sends at once, however long the next wait was to be', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet('retryMs: 600_000'));
    await visitor.setOffline(true);
    const failed = page.waitForEvent('requestfailed');
    await page.evaluate('muster.identify("offline"); muster.track("a")');
    await failed;
    expect(bench.gateway.calls()).toEqual([]);
    await visitor.setOffline(false);
    await eventually(() => bench.events('offline')).toEqual(['a']);
    await visitor.close();
  });

  it('an answer that is lost on its way makes a second try, and still one event', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    let lost = 0;
    bench.gateway.fail = (path) => (path === trackPath && lost++ === 0 ? 'lose the answer' : undefined);
    await page.evaluate('muster.identify("lossy"); muster.track("only"); muster.track("next")');
    await eventually(() => bench.events('lossy')).toEqual(['only', 'next']);
    expect(triedEvents()).toEqual(['only', 'only', 'next']);
    const [first, again] = bench.gateway.calls(trackPath);
    expect(first?.body['message_id']).toBe(again?.body['message_id']);
    await visitor.close();
  });

  it('the wait before each retry doubles up to a minute, half of it chance', async () => {
    // The page's clock is only asked how long it would wait.
    const visitor = await bench.visitor(
      'window.waits = []; const real = setTimeout; window.setTimeout = (work, ms) => { waits.push(ms); return real(work, 0) }',
    );
    const page = await bench.open(visitor, bench.snippet('clerk: false, auth0: false, retryMs: 1000'));
    // Those of the search for other libraries come first.
    await eventually(() => page.evaluate('waits.includes(12800)')).toBe(true);
    await page.evaluate('waits.length = 0');
    bench.gateway.fail = () => ({ status: 503 });
    await page.evaluate('muster.track("tried")');
    await eventually(() => page.evaluate<number>('waits.filter((ms) => ms >= 400).length')).toBeGreaterThan(
      9,
    );
    const waits = (await page.evaluate<number[]>('waits')).filter((ms) => ms >= 400).slice(0, 9);
    const whole = [1, 2, 4, 8, 16, 32, 60, 60, 60];
    for (const [at, ms] of waits.entries()) {
      expect(ms).toBeGreaterThanOrEqual(500 * (whole[at] ?? 0));
      expect(ms).toBeLessThanOrEqual(1000 * (whole[at] ?? 0));
    }
    expect(new Set(waits.slice(6)).size).toBeGreaterThan(1);
    await visitor.close();
  });

  it('a server that asks for quiet is left alone so long, by new calls and by a page that is left too', async () => {
    const visitor = await bench.visitor(
      'window.waits = []; const real = setTimeout; window.setTimeout = (work, ms) => { waits.push(ms); return real(work, ms) }',
    );
    const page = await bench.open(visitor, bench.snippet());
    bench.gateway.fail = () => ({ status: 429, headers: { 'retry-after': '120' } });
    await page.evaluate('muster.track("limited")');
    await eventually(() => page.evaluate<number>('Math.max(...waits)')).toBeGreaterThanOrEqual(120_000);
    await page.evaluate(
      'muster.track("later"); dispatchEvent(new Event("online")); dispatchEvent(new Event("pagehide"))',
    );
    // A call that is answered shows that nothing was sent before it.
    await page.evaluate(`fetch("${bench.gateway.url}/api/sdk/probe", { method: "POST" })`);
    expect(bench.gateway.calls().map(({ path }) => path)).toEqual([trackPath, '/api/sdk/probe']);
    expect(await waiting(page)).toBe(2);
    await visitor.close();
  });

  it('a refusal is told with code and hint, not tried again, and holds nothing up', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    await page.evaluate(
      'muster.identify("refused", { created_at: "2026-01-01" }); muster.identify("refused", { role: "ok" })',
    );
    await bench.user('refused', { custom_fields: { role: 'ok' } });
    expect(await page.evaluate('refused')).toMatchObject([
      {
        status: 400,
        code: 'reserved_trait',
        call: 'users/identify',
        body: { user_id: 'refused' },
        hint: expect.stringMatching(/./) as unknown,
      },
    ]);
    await eventually(() =>
      bench.gateway.calls('/api/sdk/users/identify').map(({ status }) => status),
    ).toEqual([400, 200]);
    await visitor.close();
  });

  it('without onError a refusal is a warning on the console', async () => {
    const visitor = await bench.visitor();
    const page = await visitor.newPage();
    // Chromium writes there too, about the status.
    const warned = page.waitForEvent('console', (message) => message.type() === 'warning');
    await page.goto(
      bench.pages.page(
        `${stub}${bench.script}<script>muster.init({ key: "${bench.service.writeKey}" }); muster.identify("warned", { id: 1 })</script>`,
      ),
    );
    const message = await warned;
    expect(message.text()).toMatch(/^muster: users\/identify was not sent: .*\(reserved_trait\); /);
    await visitor.close();
  });

  it('a secret key in a page is refused before it is sent anywhere', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(
      visitor,
      `${bench.snippet().replace(bench.service.writeKey, bench.service.secretKey)}<script>muster.track("x")</script>`,
    );
    await eventually(() => page.evaluate('refused')).toMatchObject([{ code: 'no_write_key' }]);
    expect(bench.gateway.calls()).toEqual([]);
    await visitor.close();
  });

  it('what a visitor did just before they follow a link arrives once and in order', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    // In one go: the page is gone before anything else of it runs, its answers included.
    await page
      .evaluate(
        'muster.identify("left"); muster.track("one"); muster.track("two"); location.href = "about:blank"',
      )
      .catch(() => undefined);
    await eventually(() => bench.events('left')).toEqual(['one', 'two']);
    await visitor.close();
    expect(bench.gateway.calls(beaconPath)).toHaveLength(1);
    expect(await bench.events('left')).toEqual(['one', 'two']);
  });

  it('what a visitor did just before they close the page arrives once, though the answer never comes', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    await page.evaluate('muster.identify("closed"); muster.track("one")');
    await eventually(() => bench.events('closed')).toEqual(['one']);
    bench.gateway.fail = (path) => (path === trackPath ? 'lose the answer' : undefined);
    await page.evaluate('muster.track("two")');
    await page.close({ runBeforeUnload: true });
    await eventually(() => bench.events('closed')).toEqual(['one', 'two']);
    await eventually(() => bench.gateway.calls(beaconPath)).toHaveLength(1);
    await visitor.close();
    expect(await bench.events('closed')).toEqual(['one', 'two']);
  });

  it('a page that is left hands all that waits over in one request, with no question of permission', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    await page.evaluate(
      'muster.identify("over"); muster.track("one"); muster.track("two"); dispatchEvent(new Event("pagehide"))',
    );
    await eventually(() => bench.events('over')).toEqual(['one', 'two']);
    expect(bench.gateway.all.filter(({ path }) => path === beaconPath).map(({ method }) => method)).toEqual([
      'POST',
    ]);
    const [handed] = bench.gateway.calls(beaconPath);
    expect(handed?.headers['authorization']).toBeUndefined();
    expect(handed?.body['calls']).toMatchObject([
      { call: 'users/identify' },
      { call: 'track' },
      { call: 'track' },
    ]);
    await eventually(() => waiting(page)).toBe(0);
    await visitor.close();
  });

  it('a browser without keepalive uses sendBeacon on leaving, and what it sent is stored once', async () => {
    const visitor = await bench.visitor(
      'delete Request.prototype.keepalive; window.beacons = 0; const real = navigator.sendBeacon; navigator.sendBeacon = function (...args) { beacons += 1; return real.apply(this, args) }',
    );
    const page = await bench.open(visitor, bench.snippet());
    await page.evaluate('muster.identify("old"); muster.track("one"); dispatchEvent(new Event("pagehide"))');
    expect(await page.evaluate('beacons')).toBe(1);
    await eventually(() => waiting(page)).toBe(0);
    await eventually(() => bench.gateway.calls(beaconPath).length).toBe(1);
    expect(await bench.events('old')).toEqual(['one']);
    await visitor.close();
  });

  it('what was refused on leaving is told, and what could not be sent is sent later, in order', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    let failed = 0;
    bench.gateway.fail = (path) => (path === beaconPath && failed++ === 0 ? 'cut' : undefined);
    await page.evaluate(
      'muster.identify("hidden", { id: 1 }); muster.identify("hidden"); muster.track("one"); dispatchEvent(new Event("pagehide"))',
    );
    await eventually(() => bench.events('hidden')).toEqual(['one']);
    bench.gateway.fail = () => undefined;
    await page.evaluate('muster.track(""); muster.track("two"); dispatchEvent(new Event("pagehide"))');
    await eventually(() => bench.events('hidden')).toEqual(['one', 'two']);
    await eventually(() => waiting(page)).toBe(0);
    expect(await page.evaluate('refused')).toMatchObject([
      { code: 'reserved_trait' },
      { code: 'body_invalid' },
    ]);
    await visitor.close();
  });

  it('what a page could not send is sent by the next page, in another tab, before its own', async () => {
    const visitor = await bench.visitor();
    bench.gateway.fail = () => 'cut';
    const first = await bench.open(visitor, bench.snippet());
    await first.evaluate('muster.identify("kept"); muster.track("before")');
    await eventually(() => bench.gateway.calls().length).toBeGreaterThan(0);
    await first.close();
    bench.gateway.fail = () => undefined;
    const next = await bench.open(visitor, `${bench.snippet()}<script>muster.track("after")</script>`);
    await eventually(() => bench.events('kept')).toEqual(['before', 'after']);
    expect(triedEvents()).toEqual(['before', 'after']);
    await eventually(() => waiting(next)).toBe(0);
    await visitor.close();
  });

  it('two tabs send one queue once', async () => {
    const visitor = await bench.visitor();
    const one = await bench.open(visitor, bench.snippet());
    const two = await bench.open(visitor, bench.snippet());
    await one.evaluate('muster.identify("tabbed")');
    await bench.user('tabbed', {});
    bench.gateway.all.length = 0;
    const events = 'for (let i = 0; i < 10; i += 1) muster.track(`${tab}${i}`)';
    await Promise.all([
      one.evaluate(`{ const tab = "a"; ${events} }`),
      two.evaluate(`{ const tab = "b"; ${events} }`),
    ]);
    await eventually(async () => (await bench.events('tabbed')).length).toBe(20);
    await eventually(() => waiting(one)).toBe(0);
    // A tab in another process may see a removed call for a moment longer and send it once more, which the server knows
    // by its message_id. Without turns every call would be tried by both.
    expect(triedEvents().length).toBeLessThan(25);
    expect(await bench.events('tabbed')).toHaveLength(20);
    await visitor.close();
  });

  it('a queue that grows past 200 calls drops the oldest and says so', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    bench.gateway.fail = () => 'cut';
    await page.evaluate('for (let i = 0; i < 203; i += 1) muster.track(`e${i}`)');
    expect(await waiting(page)).toBe(200);
    expect(await page.evaluate('refused.map((each) => [each.code, each.body.event])')).toEqual([
      ['queue_full', 'e0'],
      ['queue_full', 'e1'],
      ['queue_full', 'e2'],
    ]);
    await visitor.close();
  });

  for (const [what, broken] of [
    [
      'no localStorage',
      'Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError") } })',
    ],
    [
      'a full localStorage',
      'Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError") }',
    ],
  ] as const) {
    it(`with ${what} everything is sent from memory, as one visitor`, async () => {
      const visitor = await bench.visitor(broken);
      const page = await bench.open(visitor, bench.snippet());
      bench.gateway.fail = () => 'cut';
      await page.evaluate(`muster.track("anonymous"); muster.identify("${what}"); muster.track("known")`);
      await eventually(() => bench.gateway.calls().length).toBeGreaterThan(1);
      bench.gateway.fail = () => undefined;
      await eventually(() => bench.events(what)).toEqual(['anonymous', 'known']);
      expect(await page.evaluate('refused')).toEqual([]);
      await visitor.close();
    });
  }

  it('a page over plain HTTP, without randomUUID and locks, sends all the same', async () => {
    const visitor = await bench.visitor();
    const page = await visitor.newPage();
    await page.goto(bench.pages.page(bench.snippet()).replace('127.0.0.1', plainHost), { waitUntil: 'load' });
    expect(
      await page.evaluate('[isSecureContext, typeof crypto.randomUUID, typeof navigator.locks]'),
    ).toEqual([false, 'undefined', 'undefined']);
    await page.evaluate('muster.identify("plain"); muster.track("one")');
    await eventually(() => bench.events('plain')).toEqual(['one']);
    expect(await page.evaluate('localStorage["muster:acme:anonymous_id"]')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    await visitor.close();
  });

  it('the script on a page twice is as good as once', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(
      visitor,
      `${bench.snippet()}${bench.script}<script>muster.identify("twice"); muster.track("one")</script>`,
    );
    await eventually(() => bench.events('twice')).toEqual(['one']);
    expect(bench.gateway.calls().map(({ path }) => path)).toEqual(['/api/sdk/users/identify', trackPath]);
    expect(await page.evaluate('refused')).toEqual([]);
    await visitor.close();
  });
});
