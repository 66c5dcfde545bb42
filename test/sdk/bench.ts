import { expect } from 'vitest';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Pool } from '../../src/database/pool.js';
import { writeSdk } from '../../.config/scripts/sdk.js';
import { testDatabase } from '../support/database.js';
import { startService } from '../server/service.js';
import type { Service } from '../server/service.js';
import { startChromium } from './chromium.js';
import { startGateway, startPages } from './gateway.js';
import type { Gateway, PageServer } from './gateway.js';

/** The two lines that `docs/browser.md` asks a page to have; the addresses are filled in there. */
export const stub =
  '<script>window.muster=window.muster||{q:[]};for(const m of["init","identify","track","group","reset"])muster[m]=muster[m]||((...a)=>muster.q.push([m,a]))</script>';

/** Asks again until the answer is the wanted one; a browser, an API and a database may have to be slow together. */
export const eventually: typeof expect.poll = (read, options) =>
  // oxlint-disable-next-line vitest/require-awaited-expect-poll -- it is awaited where it is used
  expect.poll(read, { interval: 20, ...options });

/** Real API, real browser, and a gateway between them; each test has a visitor with an empty browser. */
export interface Bench {
  readonly pool: Pool;
  readonly service: Service;
  readonly gateway: Gateway;
  readonly browser: Browser;
  readonly pages: PageServer;
  /** The script's own tag. */
  readonly script: string;
  /** Stub, script and `init` with these options more, given as source. */
  readonly snippet: (options?: string) => string;
  /** A new visitor: nothing stored, no page open. `prepare` runs in each of its pages before anything else. */
  visitor(prepare?: string): Promise<BrowserContext>;
  /** Opens a page and waits for it to have loaded with all its scripts. */
  open(visitor: BrowserContext, html: string, headers?: Record<string, string>): Promise<Page>;
  /** The user's answer of `GET /api/users/:user_id`, once there is one that has these. */
  user(userId: string, has: Record<string, unknown>): Promise<void>;
  /** Names of the events of the workspace's person, by time. */
  events(userId: string): Promise<string[]>;
}

export async function startBench(): Promise<Bench> {
  await writeSdk();
  const { pool } = await testDatabase();
  const service = await startService(pool, 'acme');
  const gateway = await startGateway(service.url);
  const pages = await startPages();
  const browser = await startChromium();
  const script = `<script async src="${gateway.url}/muster.js"></script>`;
  const snippet = (options = ''): string =>
    `${stub}${script}<script>window.refused=[];muster.init({key:"${service.writeKey}",retryMs:20,onError:(r)=>refused.push(r),${options}})</script>`;
  return {
    pool,
    service,
    gateway,
    browser,
    pages,
    script,
    snippet,
    async visitor(prepare) {
      const context = await browser.newContext();
      if (prepare !== undefined) await context.addInitScript(prepare);
      return context;
    },
    async open(visitor, html, headers) {
      const page = await visitor.newPage();
      await page.goto(pages.page(html, headers), { waitUntil: 'load' });
      return page;
    },
    async user(userId, has) {
      await eventually(async () => (await service.call('GET', `/api/users/${userId}`)).body).toMatchObject(
        has,
      );
    },
    async events(userId) {
      const { rows } = await pool.query<{ event: string }>(
        `SELECT e.event FROM events e JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
         WHERE u.workspace_id = 'acme' AND (u.user_id = $1 OR u.anonymous_id = $1) ORDER BY e.occurred_at, e.received_at`,
        [userId],
      );
      return rows.map((row) => row.event);
    },
  };
}
