/**
 * A text with what cannot be seen written as escapes, so that two texts that look alike can be told apart: characters without
 * a shape, blanks other than the space, a space at either end, and marks that a single letter could hold (`e` and U+0301).
 */
export function visible(text: string): string {
  const unseen = text.normalize('NFC') === text ? unseenInWhole : unseenInParts;
  return text.replace(unseen, (found) => Array.from(found).map(escaped).join(''));
}

/** A joiner inside an emoji is seen: it makes the emoji. */
const notInEmoji = '(?!(?<=[\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\uFE0F])\\u200D)';
const blanks = '(?! )\\p{Zs}|^ +| +$';
const unseenInWhole = new RegExp(`${notInEmoji}[\\p{Cc}\\p{Cf}\\p{Cs}\\u2028\\u2029]|${blanks}`, 'gu');
const unseenInParts = new RegExp(`${notInEmoji}[\\p{Cc}\\p{Cf}\\p{Cs}\\u2028\\u2029\\p{M}]|${blanks}`, 'gu');

function escaped(character: string): string {
  return '\\u' + (character.codePointAt(0) ?? 0).toString(16).padStart(4, '0');
}

/** Whether anything of the text would be escaped. */
export function hasUnseen(text: string): boolean {
  return visible(text) !== text;
}
