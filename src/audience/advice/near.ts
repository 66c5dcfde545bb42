import { nearest } from '../../filter/parse/suggest.js';

/**
 * The known name that was probably meant by one that is not known: the same but for letter case, blanks, separators, a plural or
 * how its letters are encoded, else one that a slip away. Null where there is none.
 */
export function nearName(name: string, known: Iterable<string>): string | null {
  const others = [...known].filter((each) => each !== name);
  const wanted = bare(name);
  const same = wanted === '' ? undefined : others.find((each) => bare(each) === wanted);
  return same ?? nearest(name, others);
}

/** `Order Completed`, `order_completed` and `orders/completed` are one name. */
function bare(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .split(/[\s_\-./:\p{Cf}]+/u)
    .map((word) => word.replace(/(?<=..)s$/, ''))
    .join('');
}
