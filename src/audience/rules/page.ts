import { refuse } from '../../errors/index.js';
import type { PageRecord } from '../../filter/record.js';
import { shown } from '../../filter/parse/context.js';

/** A page as a request names it. */
export interface PageRequest {
  /** The whole address, as `location.href` gives it. */
  readonly url: string;
  /** A language tag such as `de-AT`; a list as of the header `Accept-Language` gives its first. */
  readonly language?: string | undefined;
}

/** Longest address that is looked at, in bytes. */
export const urlLimit = 4096;

/**
 * What rules read of a page: the address and its parts as browsers write them, `query` and `hash` without their sign, empty where
 * there is none, and the language as it was sent. Errors: `bad_page_url`.
 */
export function pageOf({ url, language }: PageRequest): PageRecord {
  const fits = Buffer.byteLength(url) <= urlLimit && url.isWellFormed() && URL.canParse(url);
  const parsed = fits ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    return refuse('bad_page_url', { url: shown(url), limit: urlLimit }, { path: '/url' });
  const { href, host, pathname, search, hash } = parsed;
  return {
    url: href,
    host,
    path: pathname,
    query: search.slice(1),
    hash: hash.slice(1),
    language: firstLanguage(language),
  };
}

/** The first of a list such as `de-AT,de;q=0.9,en`; null for none and for `*`. */
function firstLanguage(list = ''): string | null {
  const first = list.slice(0, 1000).split(',', 1)[0]?.split(';', 1)[0]?.trim() ?? '';
  return /^[A-Za-z0-9-]{1,35}$/.test(first) ? first : null;
}
