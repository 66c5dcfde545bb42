/** A user's text made fit for a message: at most so many characters, and none that steers a terminal. */
export function fit(text: string, longest: number): string {
  if (text.length <= longest && /^[ -~]*$/.test(text)) return text;
  // Cut before looking at the characters, so that the cost does not grow with the input.
  const head = Array.from(text.slice(0, longest * 2))
    .slice(0, longest)
    .join('');
  const cut = head.length < text.length ? head + '…' : head;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (character) => {
    return '\\u' + (character.codePointAt(0) ?? 0).toString(16).padStart(4, '0');
  });
}
