import { MusterError } from '../../errors/index.js';
import { limits } from '../limits.js';
import type { Filter } from '../tree.js';
import { child, described, isList, isObject, report, shown } from './context.js';
import type { Context } from './context.js';
import { operatorHint } from './foreign.js';
import { aliases, ofPages, operators } from './operators.js';

/** One node of the tree with everything below it, or null when something in it was refused. */
export function parseNode(value: unknown, path: string, depth: number, context: Context): Filter | null {
  const { tally } = context;
  if (depth > limits.depth) {
    // One report says it; a wide filter would repeat it for every branch.
    if (!tally.tooDeep) report(context, 'too_deep', path, { limit: limits.depth });
    tally.tooDeep = true;
    return null;
  }
  tally.nodes += 1;
  if (tally.nodes > limits.nodes) {
    report(context, 'too_many_nodes', path, { limit: limits.nodes });
    throw new MusterError(tally.problems);
  }
  if (!isObject(value)) return refuseNonFilter(value, path, context);
  const keys = Object.keys(value);
  const [first] = keys;
  if (first === undefined) return report(context, 'empty_filter', path);
  if (keys.length === 1) return parseOperator(first, value[first], path, depth, context);
  return refuseSeveral(value, keys, path, depth, context);
}

function parseOperator(
  written: string,
  operands: unknown,
  path: string,
  depth: number,
  context: Context,
): Filter | null {
  const operator = aliases.get(written) ?? written;
  const entry = operators.get(operator) ?? ofPages.get(operator);
  const at = child(path, written);
  if (entry === undefined) {
    const hint = operatorHint(operator, operands, context);
    return report(context, 'unknown_operator', at, { operator: shown(operator) }, hint);
  }
  if (context.scope === 'properties' && !entry.ofProperties) {
    return report(context, 'not_in_where', at, { operator });
  }
  if (context.scope === 'people' && ofPages.has(operator)) {
    return report(context, 'page_only', at, { name: operator });
  }
  const { expected, example } = entry;
  return entry.parse(operands, { operator, path, at, depth, expected, example }, context);
}

function refuseNonFilter(value: unknown, path: string, context: Context): null {
  if (isList(value)) {
    if (value.length === 0) return report(context, 'empty_filter', path);
    const hint = 'put the conditions into {"and": [...]} or {"or": [...]}';
    return report(context, 'filter_not_object', path, { got: described(value) }, hint);
  }
  const hint =
    value === true
      ? 'write {"everyone": true} for the whole audience'
      : value === false
        ? 'editors write false for a query without conditions: write a condition, or {"everyone": true} for the whole audience'
        : undefined;
  return report(context, 'filter_not_object', path, { got: described(value) }, hint);
}

/**
 * An object with several keys means nothing certain. One operator with strange keys beside it is told apart from
 * several operators; what is readable is read, so that its own problems come out in the same report.
 */
function refuseSeveral(
  value: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  path: string,
  depth: number,
  context: Context,
): null {
  const known = keys.filter((key) => operators.has(key) || aliases.has(key) || ofPages.has(key));
  const [only] = known;
  if (known.length === 1 && only !== undefined) {
    for (const key of keys) {
      if (key !== only) report(context, 'unknown_key', child(path, key), { key: shown(key), operator: only });
    }
  } else {
    const names = (known.length > 0 ? known : keys).slice(0, 5).map((key) => `\`${shown(key)}\``);
    if (keys.length > names.length) names.push('…');
    report(context, 'several_operators', path, { count: keys.length, names: names.join(', ') });
  }
  for (const key of known) parseOperator(key, value[key], path, depth, context);
  return null;
}
