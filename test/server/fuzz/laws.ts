import { errorTable } from '../../../src/errors/index.js';
import { isObject } from '../../../src/filter/values.js';
import type { Call } from './calls.js';
import type { Reply } from './send.js';
import { canary } from './world.js';

/** What is wrong with the answer to a call; empty where nothing is. */
export function faultsOf(call: Call, reply: Reply, slowest: number): readonly string[] {
  return [
    ...(reply.status >= 500 ? [`it answers ${reply.status}`] : []),
    ...(reply.ms > slowest ? [`it takes ${Math.round(reply.ms)} ms`] : []),
    ...(reply.status >= 400 && call.method !== 'HEAD' ? shapeFaults(call, reply) : []),
    ...(mustNotBeKept(call) && reply.headers['cache-control'] !== 'no-store' ? ['a cache may keep it'] : []),
    ...(call.key !== 'secret' && reply.text.includes(canary) ? ['it shows what is stored'] : []),
  ];
}

const mustNotBeKept = ({ target, method }: Call): boolean =>
  /^\/(?:api|v1)\//.test(target) && method !== 'OPTIONS';

/** Codes about the call as a whole: no single part of a body is at fault, or the message has its line and column. */
const ofTheWhole = new Set([
  'bad_request',
  'body_duplicate_key',
  'broadcast_expected',
  'email_feedback_unknown',
  'nobody_named',
  'nothing_named',
  'rule_asks_whom',
  'segment_no_id',
]);
/** Pages answer people in a browser. */
const isPage = /^\/(?:u|admin)\//;

function shapeFaults(call: Call, { status, headers, text }: Reply): string[] {
  if (isPage.test(call.target)) return [];
  if (!String(headers['content-type']).startsWith('application/json')) return ['the refusal is not JSON'];
  const error = errorIn(text);
  if (error === undefined) return ['the refusal has another shape'];
  const { code, message, path, hint, problems } = error;
  const entry = Object.entries(errorTable).find(([name]) => name === code)?.[1];
  if (entry === undefined) return [`the table has no code ${code}`];
  const faults = entry.status === status ? [] : [`${code} answers ${status}, the table has ${entry.status}`];
  for (const [name, words] of Object.entries({ message, hint })) {
    if (words.trim() === '') faults.push(`the ${name} is empty`);
    if (/\{[a-z_]\w*\}/.test(words) && !asSent(call, words)) faults.push(`the ${name} has a gap: ${words}`);
    if (words.length > 1_200) faults.push(`the ${name} has ${words.length} characters`);
    if (/\bundefined\b|\bNaN\b|\[object \w+\]/.test(words) && !asSent(call, words))
      faults.push(`the ${name} shows the inside: ${words}`);
    if (/\p{Cc}/u.test(words)) faults.push(`the ${name} has a control character`);
  }
  const parts = partsOfAddress(call);
  for (const each of problems) {
    if (typeof each !== 'string' || (each !== '' && !each.startsWith('/')))
      faults.push(`no pointer: ${String(each)}`);
    else if (call.sent !== undefined && !parts.has(each.split('/')[1] ?? '') && !pointsInto(call.sent, each))
      faults.push(`nothing is at ${each.slice(0, 200)}`);
  }
  if (
    status === 400 &&
    path === '' &&
    isObject(call.sent) &&
    !Array.isArray(call.sent) &&
    !ofTheWhole.has(code)
  )
    faults.push(`${code} has no path`);
  return faults;
}

/** The parts of the address that a path may name in place of a part of the body. */
const partsOfAddress = ({ target, operation }: Call): ReadonlySet<string> =>
  new Set([
    ...new URLSearchParams(target.split('?')[1]).keys(),
    ...operation.query.map(({ name }) => name),
    ...[...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name),
  ]);

/** Whether words that look like a fault of ours are the caller's own. */
function asSent({ target, body, sent }: Call, words: string): boolean {
  const texts = [target, body?.toString('utf8') ?? '', JSON.stringify(sent) ?? ''];
  return [...words.matchAll(/\{[a-z_]\w*\}|\bundefined\b|\bNaN\b|\[object \w+\]/g)].every(([word]) =>
    texts.some((text) => text.includes(word)),
  );
}

function errorIn(text: string) {
  try {
    const value: unknown = JSON.parse(text);
    const error = isObject(value) && Object.keys(value).length === 1 ? value['error'] : undefined;
    if (!isObject(error)) return undefined;
    const { code, message, path, hint, details } = error;
    if (typeof code !== 'string' || typeof message !== 'string') return undefined;
    if (typeof path !== 'string' || typeof hint !== 'string' || !isObject(details)) return undefined;
    const listed = details['problems'];
    const problems = Array.isArray(listed)
      ? listed.map((each: unknown) => (isObject(each) ? each['path'] : undefined))
      : undefined;
    return problems === undefined ? undefined : { code, message, path, hint, problems };
  } catch {
    return undefined;
  }
}

/** Whether a pointer names a part of the body, or a key that is missing from a part of it. */
function pointsInto(body: unknown, pointer: string): boolean {
  const parts = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let found = body;
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (Array.isArray(found)) {
      if (!/^\d+$/.test(part)) return false;
      if (Number(part) >= found.length) return isLast;
      found = found[Number(part)];
    } else if (isObject(found)) {
      if (!Object.hasOwn(found, part)) return isLast;
      found = found[part];
    } else {
      return false;
    }
  }
  return true;
}
