import { createHash } from 'node:crypto';
import { Html } from './html.js';

const style =
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24;background:#fff}' +
  'table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{padding:.3rem .6rem;border-bottom:1px solid #d8dee4;text-align:left}' +
  'td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b3261e;font-weight:600}.dim{color:#57606a}code{font-size:13px}' +
  '@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}a{color:#58a6ff}th,td{border-color:#30363d}.bad{color:#ff7b72}.dim{color:#8b949e}}';

/** The style of pages, in one piece, because the hash below is of what stands between the tags, to the letter. */
export const styled = new Html(`<style>${style}</style>`);

/** No scripts, no forms, nothing from elsewhere: a browser sends a key along by itself, so nothing on a page may act. */
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export const pageHeaders = {
  'content-security-policy': policy,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;
