import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import type { Call } from './fuzz/calls.js';
import { faultsOf } from './fuzz/laws.js';
import { fuzzRound } from './fuzz/round.js';
import { canary } from './fuzz/world.js';
import { startService } from './service.js';
import type { Service } from './service.js';

/** The same seeds in every run; `npm run fuzz:api` goes on from here. */
const seeds = [1, 2];
const calls = 300;

let pool: Pool;
let service: Service;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'fuzz');
});

it('no call makes the server fail, hang, answer in another shape, or show a write key what is stored', async () => {
  const seen: string[] = [];
  const taken = new Set<string>();
  const asked = new Set<string>();
  for (const seed of seeds) {
    const { faults, reached } = await fuzzRound({ pool, service, seed, calls, slowest: 10_000 });
    for (const { what, number, route, curl, answer } of faults)
      seen.push(`${route}: ${what.join('; ')} (seed ${seed}, call ${number})\n${curl}\n${answer}`);
    for (const [route, kinds] of reached) {
      asked.add(route);
      if ([...kinds.keys()].some((kind) => kind.startsWith('2'))) taken.add(route);
    }
  }
  expect(seen).toEqual([]);
  // Refusals at the door prove little.
  expect(taken.size).toBeGreaterThan(asked.size / 2);
  expect(asked.size).toBeGreaterThan(100);
});

const call: Call = {
  method: 'POST',
  target: '/api/x',
  headers: {},
  body: Buffer.from('{"a":1}'),
  sent: { a: 1 },
  key: 'write',
  operation: { method: 'POST', path: '/api/x', query: [], body: undefined, needs: 'write' },
};
const refusal = {
  code: 'body_invalid',
  message: 'm',
  path: '/a',
  hint: 'h',
  details: { problems: [{ path: '/a' }] },
};
const good = {
  status: 400,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  text: JSON.stringify({ error: refusal }),
  ms: 1,
};
const refusedWith = (changes: object) => ({ text: JSON.stringify({ error: { ...refusal, ...changes } }) });

it.each([
  ['a failure of the server', { status: 500, ...refusedWith({ code: 'internal_error' }) }],
  ['an answer that takes long', { ms: 2_000 }],
  ['an answer that a cache may keep', { headers: { 'content-type': 'application/json' } }],
  ['a stored value for a write key', { status: 200, text: `{"name":"${canary}"}` }],
  ['a refusal of another type', { headers: { ...good.headers, 'content-type': 'text/plain' } }],
  ['a refusal of another shape', { text: '{"message":"no"}' }],
  ['a code that the table does not have', refusedWith({ code: 'nope' })],
  ['another status than the table has', { status: 409 }],
  ['a refusal without a hint', refusedWith({ hint: '' })],
  ['a message with a gap', refusedWith({ message: 'no `{name}` here' })],
  ['a message that shows the inside', refusedWith({ message: 'no [object Object] here' })],
  ['a message without bounds', refusedWith({ message: 'x'.repeat(2_000) })],
  ['a message that steers a terminal', refusedWith({ message: 'no \u001b[31m here' })],
  ['a pointer to nothing', refusedWith({ details: { problems: [{ path: '/b/c' }] } })],
  ['a refusal of a part of the body that does not say which', refusedWith({ path: '' })],
])('the fuzz finds %s', (_what, reply) => {
  expect(faultsOf(call, good, 1_000)).toEqual([]);
  expect(faultsOf(call, { ...good, ...reply }, 1_000)).toHaveLength(1);
});
