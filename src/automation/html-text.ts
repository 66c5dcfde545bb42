import { convert } from 'html-to-text';

/**
 * HTML as plain text, for readers and channels that show no HTML: lists with bullets, links with their addresses behind
 * them, no pictures. Lines are not broken anew, which mail programs do by themselves.
 */
export function textOfHtml(html: string): string {
  return convert(html, {
    wordwrap: false,
    // Deeper than any mail is; one that is deeper must not exhaust the stack.
    limits: { maxDepth: 100, ellipsis: '' },
    selectors: [
      { selector: 'img', format: 'skip' },
      { selector: 'a', options: { hideLinkHrefIfSameAsText: true } },
    ],
  });
}
