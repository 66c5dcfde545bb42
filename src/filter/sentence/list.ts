const longestText = 100;

/** A text in quotes, with control characters escaped; a long one is cut. */
export function textWords(text: string): string {
  const characters = Array.from(text);
  return JSON.stringify(
    characters.length > longestText ? characters.slice(0, longestText).join('') + '…' : text,
  );
}

/** Longest list that is written out, and how much of a longer one is. */
const whole = 5;
const shownOfLonger = 3;

/** `"a", "b" or "c"`; of a long list the first three and how many more. */
export function itemWords(items: readonly string[], last: 'and' | 'or'): string {
  const shown = items.length > whole ? items.slice(0, shownOfLonger) : items.slice(0, -1);
  const end =
    items.length > whole ? `and ${grouped(items.length - shown.length)} more` : `${last} ${items.at(-1)}`;
  return `${shown.join(', ')} ${end}`;
}

function grouped(count: number): string {
  return String(count).replace(/(?<=\d)(?=(?:\d{3})+$)/g, ',');
}
