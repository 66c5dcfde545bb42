/** The candidate that the word was probably meant to be, or null. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > 40) return null;
  const wanted = folded(word);
  const allowed = wanted.length < 4 ? 1 : wanted.length < 8 ? 2 : 3;
  let best: string | null = null;
  let bestDistance = allowed + 1;
  for (const candidate of candidates) {
    const distance = distanceOf(wanted, folded(candidate));
    // A word of which every letter would change is another word.
    if (distance < bestDistance && distance < wanted.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * The candidate that the word misspells by one letter, or by two where it is long. Stricter than `nearest`: of short words
 * a letter makes another one (`min`, `in`), and a first letter more may turn the meaning round (`nexists`).
 */
export function misspelt(word: string, candidates: Iterable<string>): string | null {
  if (word.length > 40) return null;
  const wanted = folded(word);
  for (const candidate of candidates) {
    const distance = distanceOf(wanted, candidate);
    const swapped =
      distance === 1 && wanted.length === candidate.length && sorted(wanted) === sorted(candidate);
    const mayDiffer = Math.min(wanted.length, candidate.length) > 4 && wanted[0] === candidate[0];
    if (swapped || (mayDiffer && distance <= (candidate.length > 8 ? 2 : 1))) return candidate;
  }
  return null;
}

function sorted(word: string): string {
  return Array.from(word).toSorted().join('');
}

/** `signedUpAt`, `Signed-Up-At` and `signed up at` all fold to `signed_up_at`. */
export function folded(word: string): string {
  return word
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[\s-]+/g, '_');
}

/** Letters added, dropped, changed or swapped with their neighbour. */
function distanceOf(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 3) return 4;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, at(before, j - 2) + 1);
      }
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
