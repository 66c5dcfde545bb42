import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { errorTable } from '../../src/errors/index.js';
import { isObject } from '../../src/filter/values.js';

it('no two groups have one code: the later would take the place of the earlier without a word', async () => {
  const folder = new URL('../../src/errors/', import.meta.url);
  const codes: string[] = [];
  for (const file of readdirSync(folder).toSorted()) {
    const exported: unknown = await import(new URL(file, folder).href);
    if (!isObject(exported)) throw new Error('a module is an object');
    for (const [name, group] of Object.entries(exported)) {
      if (name.endsWith('Errors') && isObject(group)) codes.push(...Object.keys(group));
    }
  }
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  expect(codes.toSorted()).toEqual(Object.keys(errorTable).toSorted());
});
