/** A title is one line: what would end a header of an e-mail, or break a heading, is a space in it. */
export function titleLine(title: string): string {
  return title.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}
