import * as fc from 'fast-check';
import { isObject } from '../../../src/filter/values.js';
import type { Random } from '../../chaos/random.js';
import { filterArbitrary } from '../../meaning/generator.js';
import type { Service } from '../service.js';
import type { Ids } from './world.js';

/** A route as `/openapi.json` describes it, or as the server has it. */
export interface Operation {
  readonly method: string;
  /** With its parameters in braces. */
  readonly path: string;
  readonly query: readonly { readonly name: string; readonly schema: unknown }[];
  readonly body: unknown;
  readonly needs: string | undefined;
}

export type KeyOf = 'none' | 'wrong' | 'write' | 'secret' | 'bounces';

/** What calls are made of in one round. */
export interface Supplies {
  readonly random: Random;
  readonly ids: Ids;
  readonly keys: Readonly<Record<KeyOf, string>>;
  /** Cursors and ids that earlier answers gave. */
  readonly cursors: readonly string[];
  readonly filters: readonly unknown[];
}

export const filtersOf = (random: Random): readonly unknown[] => [
  ...fc.sample(filterArbitrary, { seed: random.int(0, 2 ** 31 - 1), numRuns: 60 }),
  { everyone: true },
  { '==': [{ var: 'custom:plan' }, 'pro'] },
  { in_segment: 'all' },
];

/** Every route and method of the server, with the schemas of those that are described. */
export async function operationsOf(service: Service): Promise<readonly Operation[]> {
  const { body } = await service.call('GET', '/openapi.json', undefined, '');
  const paths = isObject(body['paths']) ? body['paths'] : {};
  return (
    service.routes
      // Answers to preflights are alike, and the script for browsers is there only after a build.
      .filter(({ url }) => !url.includes('*') && url !== '/muster.js')
      .map(({ method, url, needs }) => {
        const path = url.replaceAll(/:(\w+)/g, '{$1}');
        const described = at(paths, [path, method.toLowerCase()]);
        const parameters = at(described, ['parameters']);
        const content = at(described, ['requestBody', 'content']);
        return {
          method,
          path,
          needs,
          query: (Array.isArray(parameters) ? parameters : []).flatMap((each: unknown) =>
            isObject(each) && each['in'] === 'query'
              ? [{ name: String(each['name']), schema: each['schema'] }]
              : [],
          ),
          body: isObject(content) ? at(Object.values(content)[0], ['schema']) : undefined,
        };
      })
  );
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const part of path) found = isObject(found) && Object.hasOwn(found, part) ? found[part] : undefined;
  return found;
}

/** Which ids a part of the address, or a key of a body, is one of. */
export function idsFor({ path }: Pick<Operation, 'path'>, name: string, ids: Ids): readonly string[] {
  if (name === 'id') return ids['delivery'] ?? [];
  if (name !== 'key') return ids[name] ?? [];
  const kinds = ['series', 'broadcasts', 'segments', 'rules', 'webhooks', 'slack', 'traits', 'context'];
  return ids[kinds.find((kind) => path.includes(`/${kind}/`) || path.endsWith(`/${kind}`)) ?? ''] ?? [];
}
