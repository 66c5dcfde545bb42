import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { breakStale, withLock } from '../../src/embedded/lock.js';
import { pause, processMark } from '../../src/embedded/processes.js';
import { temporaryFolder } from './places.js';
import { containing } from '../support/matchers.js';

test('only one at a time is inside, and all get their turn', async () => {
  const folder = temporaryFolder();
  let inside = 0;
  let turns = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    expect(inside).toBe(1);
    await pause(1);
    inside -= 1;
    turns += 1;
  };
  await Promise.all(Array.from({ length: 20 }, () => withLock(folder, work)));
  expect(turns).toBe(20);
  expect(existsSync(join(folder, 'lock'))).toBe(false);
});

test('work that fails gives the lock back', async () => {
  const folder = temporaryFolder();
  await expect(withLock(folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(existsSync(join(folder, 'lock'))).toBe(false);
});

test('the lock of a process that died, or whose id is used again, is taken over by one of many', async () => {
  for (const owner of [
    { pid: 2 ** 22 - 1, mark: '1', token: 'dead' },
    { pid: process.pid, mark: 'of another process', token: 'reused' },
  ]) {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'lock'), JSON.stringify(owner));
    let inside = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      expect(inside).toBe(1);
      await pause(1);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(folder, work)));
  }
});

test('a dead lock that somebody else has taken over meanwhile is not removed a second time', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'lock');
  const successor = JSON.stringify({ pid: process.pid, mark: processMark(process.pid), token: 'successor' });
  writeFileSync(path, successor);
  breakStale(path, 'dead');
  expect(readFileSync(path, 'utf8')).toBe(successor);
  breakStale(path, 'successor');
  expect(existsSync(path)).toBe(false);
  expect(existsSync(`${path}.break`)).toBe(false);
});

test('a lock that was never written to counts as taken at first, and as abandoned later', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'lock');
  writeFileSync(path, '');
  await expect(withLock(folder, () => Promise.resolve(1), 50)).rejects.toMatchObject({
    code: 'embedded_busy',
  });
  const old = new Date(Date.now() - 60_000);
  utimesSync(path, old, old);
  expect(await withLock(folder, () => Promise.resolve(1))).toBe(1);
});

test('a lock that somebody holds for too long is refused with its owner, and left alone', async () => {
  const folder = temporaryFolder();
  const text = JSON.stringify({ pid: process.pid, mark: processMark(process.pid), token: 'held' });
  writeFileSync(join(folder, 'lock'), text);
  await expect(withLock(folder, () => Promise.resolve(1), 100)).rejects.toMatchObject({
    code: 'embedded_busy',
    exit: 3,
    message: containing(`(process ${process.pid})`),
  });
  expect(readFileSync(join(folder, 'lock'), 'utf8')).toBe(text);
});
