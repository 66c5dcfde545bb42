import { expect, test } from 'vitest';
import { backoff, longestWait } from '../../src/automation/backoff.js';
import { microBatch } from '../../src/automation/micro-batch.js';
import { until } from './support.js';

const always = (): boolean => true;

test('what is asked for in one turn of the event loop goes out together, each with its own answer', async () => {
  const batches: number[][] = [];
  const double = microBatch(
    async (items: readonly number[]) => {
      batches.push([...items]);
      return items.map((item) => item * 2);
    },
    { size: 10, parallel: 1, apart: always },
  );
  expect(await Promise.all([1, 2, 3].map(double))).toEqual([2, 4, 6]);
  expect(batches).toEqual([[1, 2, 3]]);
});

test('no batch is larger than its size, and no more are under way than allowed', async () => {
  let underWay = 0;
  let most = 0;
  const sizes: number[] = [];
  const echo = microBatch(
    async (items: readonly number[]) => {
      sizes.push(items.length);
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      underWay -= 1;
      return items;
    },
    { size: 4, parallel: 2, apart: always },
  );
  const items = Array.from({ length: 19 }, (_, index) => index);
  expect(await Promise.all(items.map(echo))).toEqual(items);
  expect(Math.max(...sizes)).toBe(4);
  expect(most).toBe(2);
});

test('beside a batch that is under way the next goes out half full, or after a while; the rest gathers', async () => {
  const sizes: number[] = [];
  const answers: (() => void)[] = [];
  const echo = microBatch(
    async (items: readonly number[]) => {
      sizes.push(items.length);
      await new Promise<void>((resolve) => void answers.push(resolve));
      return items;
    },
    { size: 4, parallel: 3, apart: always },
  );
  const calls = [echo(1)];
  await until('the first batch', () => sizes.length === 1);
  calls.push(echo(2), echo(3));
  await until('one that is half full', () => sizes.length === 2);
  calls.push(echo(4));
  await until('one that waited', () => sizes.length === 3);
  calls.push(echo(5), echo(6), echo(7), echo(8));
  for (const answer of answers.splice(0)) answer();
  await until('what gathered', () => sizes.length === 4);
  for (const answer of answers.splice(0)) answer();
  expect(await Promise.all(calls)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(sizes).toEqual([1, 2, 1, 4]);
});

test('a bad item fails alone; an error that is nobody’s fails all of them once', async () => {
  let calls = 0;
  const run = async (items: readonly number[]): Promise<readonly number[]> => {
    calls += 1;
    if (items.includes(2)) throw new Error('two is bad');
    return items;
  };
  const settle = async (apart: () => boolean) => {
    calls = 0;
    const call = microBatch(run, { size: 10, parallel: 1, apart });
    const settled = await Promise.allSettled([1, 2, 3].map(call));
    return { states: settled.map((each) => each.status), calls };
  };
  expect(await settle(always)).toEqual({ states: ['fulfilled', 'rejected', 'fulfilled'], calls: 4 });
  expect(await settle(() => false)).toEqual({ states: ['rejected', 'rejected', 'rejected'], calls: 1 });
});

test('waits double from one second to an hour, and jitter takes at most half of one', () => {
  expect([1, 2, 3, 4].map((attempt) => backoff(attempt, () => 0))).toEqual([500, 1000, 2000, 4000]);
  expect(backoff(1, () => 0.5)).toBe(750);
  expect(backoff(10_000, () => 0)).toBe(longestWait / 2);
  expect(backoff(10_000, () => 0.999_999_999)).toBe(longestWait);
});
