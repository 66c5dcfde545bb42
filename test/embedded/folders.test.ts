import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keptSecret, makeDataFolder, nameOfPath, settle, writePrivate } from '../../src/embedded/folders.js';
import { temporaryFolder } from './places.js';

function mode(path: string): number {
  return statSync(path).mode & 0o777;
}

test('a new data folder is private, and for root lets its Postgres account pass; the folders above it are ordinary', () => {
  const base = temporaryFolder();
  makeDataFolder(join(base, 'above', 'data'), false);
  expect(mode(join(base, 'above', 'data'))).toBe(0o700);
  expect(mode(join(base, 'above')) & 0o111).toBe(0o111);
  makeDataFolder(join(base, 'of-root'), true);
  expect(mode(join(base, 'of-root'))).toBe(0o711);
});

test('a folder with something in it keeps its mode', () => {
  const folder = temporaryFolder(0o700);
  writeFileSync(join(folder, 'diary'), '');
  makeDataFolder(folder, true);
  expect(mode(folder)).toBe(0o700);
});

test('a secret is made once and kept where only its owner reads it', () => {
  const path = join(temporaryFolder(), 'secret');
  const secret = keptSecret(path);
  expect(secret).toMatch(/^[0-9a-f]{32}$/);
  expect(keptSecret(path)).toBe(secret);
  expect(mode(path)).toBe(0o600);
});

test('a private file is replaced whole and leaves no draft behind', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'file');
  writeFileSync(path, 'old and longer', { mode: 0o644 });
  writePrivate(path, 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(mode(path)).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['file']);
});

test('of two finished folders the first stays, unless it is broken', () => {
  const base = temporaryFolder();
  const put = (text: string, usable: (text: string) => boolean): string => {
    const draft = join(base, `draft-${text}`);
    mkdirSync(draft);
    writeFileSync(join(draft, 'content'), text);
    settle(draft, join(base, 'target'), (folder) => usable(readFileSync(join(folder, 'content'), 'utf8')));
    return readFileSync(join(base, 'target', 'content'), 'utf8');
  };
  expect(put('first', () => true)).toBe('first');
  expect(put('second', () => true)).toBe('first');
  expect(put('third', (text) => text !== 'first')).toBe('third');
  expect(readdirSync(base)).toEqual(['target']);
});

test('two data folders never share a name elsewhere, even when they look alike', () => {
  expect(nameOfPath('/root/a/.muster')).not.toBe(nameOfPath('/root/b/a/.muster'));
  expect(nameOfPath('/root/my app!/.muster')).toMatch(/^myapp-[0-9a-f]{16}$/);
});
