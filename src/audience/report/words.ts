import { visible } from '../../filter/visible.js';

/** `1 person`, `1,204 people`. */
export function peopleWords(count: number): string {
  return count === 1 ? '1 person' : `${grouped(count)} people`;
}

/** `has` or `have`, by the number of people. */
export function have(count: number): string {
  return count === 1 ? 'has' : 'have';
}

export function grouped(count: number): string {
  return String(count).replace(/(?<=\d)(?=(?:\d{3})+$)/g, ',');
}

/** A text as it is quoted in a sentence. */
export function quoted(text: string): string {
  return `\`${visible(text).replaceAll('`', "'")}\``;
}
