/**
 * A pattern of a rule about a page as a test of a whole text: `*` stands for any run of characters but `/`, `**` for any
 * run at all, both for the empty one too; every other character stands for itself.
 *
 * The text is walked once, with all places of the pattern that are still possible at each character: steps grow with
 * text times pattern at worst, whatever the pattern, because nothing is ever tried a second time.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const parts = partsOf(pattern);
  const end = parts.length;
  return (text) => {
    let places = withSkips([0], parts);
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      const next: number[] = [];
      for (const place of places) {
        const part = parts[place];
        if (part === '**' || (part === '*' && unit !== slash)) add(next, place);
        else if (part === unit) add(next, place + 1);
      }
      if (next.length === 0) return false;
      places = withSkips(next, parts);
    }
    return places.at(-1) === end;
  };
}

/** A wildcard, or the UTF-16 unit that has to stand there. */
type Part = '*' | '**' | number;

const slash = 0x2f;

function partsOf(pattern: string): Part[] {
  return (pattern.match(/\*+|[^*]/gs) ?? []).map((part) => {
    if (part === '*') return '*';
    return part.startsWith('*') ? '**' : part.charCodeAt(0);
  });
}

/** With the place behind each wildcard, which may stand for nothing; no two wildcards are neighbours. */
function withSkips(places: readonly number[], parts: readonly Part[]): number[] {
  const all: number[] = [];
  for (const place of places) {
    add(all, place);
    if (typeof parts[place] === 'string') add(all, place + 1);
  }
  return all;
}

/** Places come in rising order, so that only the last one can be the same. */
function add(places: number[], place: number): void {
  if (places.at(-1) !== place) places.push(place);
}
