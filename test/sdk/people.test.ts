import { beforeAll, describe, expect, it } from 'vitest';
import { skipped } from './chromium.js';
import { eventually, startBench, stub } from './bench.js';
import type { Bench } from './bench.js';

const identifyPath = '/api/sdk/users/identify';
const trackPath = '/api/sdk/track';

/** As Clerk's script does it: there later than the page, tells of changes, knows no user until it has loaded. */
const clerk = `{
  listeners: [], user: undefined,
  addListener(tell) { this.listeners.push(tell); if (this.user !== undefined) tell({ user: this.user }); return () => {}; },
  become(user) { this.user = user; for (const tell of this.listeners) tell({ user }); },
}`;
const clerkUser = (id: string): string =>
  `{ id: "${id}", fullName: "Clara Kern", primaryEmailAddress: { emailAddress: "clara@example.com" } }`;

/** As Auth0's client does it: knows nobody at first. */
const auth0Client = (id: string): string =>
  `{ tries: 0, async getUser() { return this.tries++ < 1 ? undefined : { sub: "${id}", email: "a@example.com", name: "Ada" } } }`;

describe.skipIf(skipped)('who the page says its user is', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench();
  });

  const sent = (path: string, user: string): Record<string, unknown>[] =>
    bench.gateway.calls(path).flatMap(({ body }) => (body['user_id'] === user ? [body] : []));

  it('identify takes an id and traits, and the same as one object with email and name beside the traits', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    await page.evaluate(
      'muster.identify("shape_1", { name: "Jane Doe", email: "jane@example.com", role: "admin", onboarding_step: 3, "constructor": 1 })',
    );
    await bench.user('shape_1', {
      name: 'Jane Doe',
      email: 'jane@example.com',
      custom_fields: { role: 'admin', onboarding_step: 3, constructor: 1 },
    });
    await page.evaluate(
      'muster.identify({ id: "shape_2", email: "j@example.com", name: "J", traits: { plan: "pro", signupDate: "2025-08-15" } })',
    );
    await bench.user('shape_2', {
      name: 'J',
      email: 'j@example.com',
      custom_fields: { plan: 'pro', signupDate: '2025-08-15' },
    });
    expect(await page.evaluate('refused')).toEqual([]);
    await visitor.close();
  });

  it('a trait that cannot be stored does not cost the call, and is kept as a refusal', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    await page.evaluate('muster.identify("in_part", { name: "Pia", on_contract: "yes", plan: "pro" })');
    await bench.user('in_part', { name: 'Pia', on_contract: null, custom_fields: { plan: 'pro' } });
    const { body } = await bench.service.call('GET', '/api/ingest/refusals?user_id=in_part');
    expect(body).toMatchObject({ refusals: [{ code: 'trait_type', path: '/traits/on_contract' }] });
    expect(await page.evaluate('refused')).toEqual([]);
    await visitor.close();
  });

  it('a visitor has one anonymous id over pages and calls, and takes it into who they turn out to be', async () => {
    const visitor = await bench.visitor();
    const first = await bench.open(visitor, `${bench.snippet()}<script>muster.track("seen")</script>`);
    await eventually(() =>
      first.evaluate('Object.keys(localStorage).filter((key) => /:q/.test(key)).length'),
    ).toBe(0);
    const anonymous = await first.evaluate<string>('localStorage["muster:acme:anonymous_id"]');
    expect(anonymous).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await eventually(() => bench.events(anonymous)).toEqual(['seen']);
    await bench.open(
      visitor,
      `${bench.snippet()}<script>muster.identify("joined");muster.track("clicked")</script>`,
    );
    await bench.user('joined', { anonymous_id: anonymous });
    await eventually(() => bench.events('joined')).toEqual(['seen', 'clicked']);
    await visitor.close();
  });

  it('after reset, and when another person signs in, the visitor is a new one', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    const id = (): Promise<string> => page.evaluate('localStorage["muster:acme:anonymous_id"]');
    await page.evaluate('muster.identify("first_person")');
    const one = await id();
    await page.evaluate('muster.identify("second_person")');
    const two = await id();
    await page.evaluate('muster.reset(); muster.track("nobody")');
    const three = await id();
    expect(new Set([one, two, three]).size).toBe(3);
    await eventually(() => bench.events(three)).toEqual(['nobody']);
    await bench.user('second_person', { anonymous_id: two });
    await visitor.close();
  });

  it('group puts the user into the company with its traits, also when the user is named after it', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    await page.evaluate('muster.identify("member"); muster.group("c1", { name: "Acme", seats: 7 })');
    await bench.user('member', { company_id: 'c1' });
    await page.evaluate(
      'muster.reset(); muster.group("c2", { name: "Bolt" }); muster.identify("later_member")',
    );
    await bench.user('later_member', { company_id: 'c2' });
    const { rows } = await bench.pool.query(
      'SELECT company_id, name, custom_fields FROM companies ORDER BY company_id',
    );
    expect(rows).toEqual([
      { company_id: 'c1', name: 'Acme', custom_fields: { seats: 7 } },
      { company_id: 'c2', name: 'Bolt', custom_fields: {} },
    ]);
    expect(await page.evaluate('refused')).toEqual([]);
    await visitor.close();
  });

  it("a user's hash and token go with every call of that user, and never with another's", async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet('userHash: "h1"'));
    await page.evaluate('muster.identify("proven"); muster.track("a")');
    await eventually(() => sent(trackPath, 'proven')).toHaveLength(1);
    expect(sent(identifyPath, 'proven')).toMatchObject([{ user_hash: 'h1' }]);
    expect(sent(trackPath, 'proven')).toMatchObject([{ user_hash: 'h1' }]);
    await page.evaluate('muster.identify("unproven"); muster.track("b")');
    await eventually(() => sent(trackPath, 'unproven')).toHaveLength(1);
    expect(sent(identifyPath, 'unproven')[0]).not.toHaveProperty('user_hash');
    expect(sent(trackPath, 'unproven')[0]).not.toHaveProperty('user_hash');
    await page.evaluate('muster.identify("third", {}, { user_hash: "h3", token: "t3" })');
    await page.evaluate('muster.identify({ id: "fourth", user_hash: "h4" })');
    await eventually(() => sent(identifyPath, 'fourth')).toHaveLength(1);
    expect(sent(identifyPath, 'third')).toMatchObject([{ user_hash: 'h3', token: 't3' }]);
    expect(sent(identifyPath, 'fourth')).toMatchObject([{ user_hash: 'h4', traits: {} }]);
    await visitor.close();
  });

  it('a function as token is asked again for each call', async () => {
    const visitor = await bench.visitor('window.asked = 0');
    const page = await bench.open(visitor, bench.snippet('token: async () => `t${++asked}`'));
    await page.evaluate('muster.identify("tokened"); muster.track("a")');
    await eventually(() => sent(trackPath, 'tokened')).toHaveLength(1);
    expect(sent(identifyPath, 'tokened')).toMatchObject([{ token: 't1' }]);
    expect(sent(trackPath, 'tokened')).toMatchObject([{ token: 't2' }]);
    await visitor.close();
  });

  it('a user of Clerk is picked up with e-mail and name when Clerk comes, once, and is gone when they sign out', async () => {
    const visitor = await bench.visitor();
    const page = await bench.open(visitor, bench.snippet());
    await page.evaluate(`window.Clerk = ${clerk}; Clerk.become(${clerkUser('clerk_1')})`);
    await bench.user('clerk_1', { name: 'Clara Kern', email: 'clara@example.com' });
    await page.evaluate(`Clerk.become(${clerkUser('clerk_1')}); muster.track("signed in")`);
    await eventually(() => sent(trackPath, 'clerk_1')).toHaveLength(1);
    expect(sent(identifyPath, 'clerk_1')).toHaveLength(1);
    const before = await page.evaluate('localStorage["muster:acme:anonymous_id"]');
    await page.evaluate('Clerk.become(null); muster.track("signed out")');
    expect(await page.evaluate('localStorage["muster:acme:user_id"]')).toBeUndefined();
    expect(await page.evaluate('localStorage["muster:acme:anonymous_id"]')).not.toBe(before);
    await visitor.close();
  });

  it('a sign-out from Clerk on another page is noticed on the next', async () => {
    const visitor = await bench.visitor();
    await bench.open(
      visitor,
      `<script>window.Clerk = ${clerk}; Clerk.become(${clerkUser('clerk_2')})</script>${bench.snippet()}`,
    );
    await bench.user('clerk_2', { name: 'Clara Kern' });
    const next = await bench.open(
      visitor,
      `<script>window.Clerk = ${clerk}; Clerk.become(null)</script>${bench.snippet()}`,
    );
    await eventually(() => next.evaluate('localStorage["muster:acme:user_id"]')).toBeUndefined();
    expect(sent(identifyPath, 'clerk_2')).toHaveLength(1);
    await visitor.close();
  });

  it('a user of Auth0 is picked up from the client on the page or the one that init is given', async () => {
    const visitor = await bench.visitor();
    await bench.open(
      visitor,
      `<script>window.auth0Client = ${auth0Client('auth0|1')}</script>${bench.snippet()}`,
    );
    await bench.user(encodeURIComponent('auth0|1'), { name: 'Ada', email: 'a@example.com' });
    const other = await bench.visitor();
    await bench.open(other, bench.snippet(`auth0: ${auth0Client('auth0|2')}`));
    await bench.user(encodeURIComponent('auth0|2'), { name: 'Ada' });
    expect(sent(identifyPath, 'auth0|1')).toHaveLength(1);
    await visitor.close();
    await other.close();
  });

  it('what the page says itself counts for more than Clerk, and `false` leaves both libraries alone', async () => {
    const visitor = await bench.visitor(
      `window.asked = 0; window.Clerk = ${clerk}; Clerk.become(${clerkUser('clerk_3')}); window.auth0Client = { getUser: async () => { asked += 1 } }`,
    );
    const page = await bench.open(visitor, `${bench.snippet()}<script>muster.identify("said_so")</script>`);
    await bench.user('said_so', {});
    await page.evaluate('muster.track("mine")');
    await eventually(() => sent(trackPath, 'said_so')).toHaveLength(1);
    expect(await page.evaluate('asked')).toBeGreaterThan(0);
    const off = await bench.visitor(
      `window.asked = 0; window.Clerk = { addListener() { asked += 1 } }; window.auth0Client = { getUser: async () => { asked += 1 } }`,
    );
    const quiet = await bench.open(
      off,
      `${bench.snippet('clerk: false, auth0: false')}<script>muster.identify("off")</script>`,
    );
    await bench.user('off', {});
    expect(await quiet.evaluate('asked')).toBe(0);
    expect(sent(identifyPath, 'clerk_3')).toEqual([]);
    await visitor.close();
    await off.close();
  });

  it('libraries and handlers that throw, and calls that make no sense, never throw into the page', async () => {
    const visitor = await bench.visitor(
      `window.errors = []; addEventListener('error', (e) => errors.push(e.message)); addEventListener('unhandledrejection', (e) => errors.push(String(e.reason)));
       window.Clerk = { addListener() { throw new Error('clerk') } }; window.auth0Client = { async getUser() { throw new Error('auth0') } }`,
    );
    const page = await bench.open(
      visitor,
      `${stub}${bench.script}<script>muster.init({ key: "${bench.service.writeKey}", url: 7, retryMs: "x", token() { throw new Error('token') }, onError() { throw new Error('mine') } })</script>`,
    );
    await page.evaluate(`
      const loop = {}; loop.loop = loop;
      muster.identify(); muster.identify(null); muster.identify({}); muster.identify("loop", loop); muster.track("loop", loop);
      muster.track("big", { n: 1n }); muster.group(); muster.group({}); muster.init(null); muster.init(7); muster.q.push(7); muster.q.push([]);
      muster.reset(1); muster.track(); muster.identify("fine");
    `);
    await bench.user('fine', {});
    expect(await page.evaluate('errors')).toEqual([]);
    await visitor.close();
  });
});
