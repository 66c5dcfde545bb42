import * as fc from 'fast-check';
import type { SeriesDefinition } from '../../../src/automation/series/model.js';
import { parseSeries } from '../../../src/automation/series/parse.js';
import { eventNames, happen } from './events.js';
import type { Guards } from './guards.js';
import { lawsBrokenBy } from './laws.js';
import { World } from './world.js';

/** Made-up histories: a setting, and what happens in it, one thing after the other. */

type Document = Readonly<Record<string, unknown>>;

const kinds = ['send', 'send', 'wait', 'branch', 'wait_for'] as const;
const isPro = { '==': [{ var: 'custom:plan' }, 'pro'] };

/** A step of a kind; sends are recognised by their key. */
function stepOf(kind: (typeof kinds)[number], index: number, keys: readonly string[]): Document {
  const key = keys[index] ?? '';
  const over = keys[index + 2] ?? 'end';
  if (kind === 'send') {
    const message = { text: `${key} for {{ plan|nobody }}` };
    return { type: 'send', key, channel: 'inbox', message };
  }
  if (kind === 'wait') return { type: 'wait', key, for: [index === 0 ? 1 : 26, 'hours'] };
  if (kind === 'branch') return { type: 'branch', key, arms: [{ when: isPro, to: over }] };
  return { type: 'wait_for', key, filter: isPro, timeout: [3, 'days'], on_timeout: over };
}

/** Starts or ends with a message, so that there is something to lose. */
function seriesOf(middle: readonly (typeof kinds)[number][]): SeriesDefinition {
  const all = [...middle, 'send' as const];
  const keys = all.map((kind, index) => `${kind}${index + 1}`);
  return parseSeries({
    key: 'made-up',
    name: 'Made up',
    trigger: { type: 'user_created' },
    steps: all.map((kind, index) => stepOf(kind, index, keys)),
  });
}

const stock = fc
  .sample(fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 4 }), { seed: 1, numRuns: 40 })
  .map((middle) => seriesOf(middle));

/** By number, so that a failing run shows what to write to see it again. */
const setting = fc.record({
  series: fc.array(fc.nat({ max: stock.length - 1 }), { minLength: 1, maxLength: 2 }),
  people: fc.constantFrom(1, 1, 2),
  parks: fc.boolean(),
  maxAttempts: fc.constantFrom(8, 8, 2),
  wholeLosses: fc.boolean(),
});

/** Without bias, which would draw the first events over and over. */
export const history = fc.noBias(
  fc.record({
    setting,
    events: fc.array(fc.constantFrom(...eventNames), { minLength: 20, maxLength: 60, size: 'max' }),
  }),
);

export type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

/** Lets a history happen, and answers how the world stands after it and which laws it broke. */
export function run(
  { setting: { series, ...more }, events }: History,
  guards: Guards,
): { readonly world: World; readonly broken: readonly string[] } {
  const definitions = series.flatMap((number) => stock[number] ?? []);
  const world = new World({ ...more, series: definitions }, guards);
  for (const name of events) happen(world, name);
  return { world, broken: lawsBrokenBy(world) };
}
