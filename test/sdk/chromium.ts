import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { afterFile } from '../support/cleanup.js';

const program = process.env['MUSTER_CHROMIUM'] || '/usr/bin/chromium';
const required = process.env['MUSTER_REQUIRE_CHROMIUM'] === '1';

/** Whether this machine has no Chromium and may do without: CI must not take silence for success. */
export const skipped = !existsSync(program) && !required;

if (skipped) {
  process.stderr.write(
    `tests of the browser script are skipped: there is no ${program}; install Debian's \`chromium\`, or name one in MUSTER_CHROMIUM\n`,
  );
}

/** Ends in a name that no DNS has: a page there is reached over plain HTTP and is no secure context. */
export const plainHost = 'plain.test';

/** Chromium with an empty profile of its own; it stops with the test file. */
export async function startChromium(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: program,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--host-resolver-rules=MAP ${plainHost} 127.0.0.1`,
    ],
  });
  afterFile(() => browser.close());
  return browser;
}
