/**
 * The addresses that a piece of HTML leads to or loads, found as a browser finds them, and kept to schemes that only open a page
 * or a letter. A value comes from the customer's users: as `javascript:` it would be a program in somebody's mail.
 */

/** Schemes that a value may bring. */
const safe: readonly string[] = ['http', 'https', 'mailto'];
/** Schemes that nobody may write: they run something, or show what the sender did not send. */
const forbidden: readonly string[] = ['javascript', 'data', 'vbscript', 'file', 'blob'];

/** Attributes that hold an address. */
const addressed: ReadonlySet<string> = new Set([
  'href',
  'src',
  'xlink:href',
  'action',
  'formaction',
  'background',
  'poster',
  'srcset',
  'cite',
  'longdesc',
  'data',
]);

interface Attribute {
  readonly name: string;
  readonly value: string;
  /** Where the value stands, without its quotes. */
  readonly from: number;
  readonly to: number;
}

/** Addresses in the HTML whose scheme nobody may write. */
export function forbiddenLinks(html: string): { readonly attribute: string; readonly scheme: string }[] {
  return scan(html).addresses.flatMap(({ name, value }) =>
    schemesOf(name, value)
      .filter((scheme) => forbidden.includes(scheme))
      .map((scheme) => ({ attribute: name, scheme })),
  );
}

/**
 * Rendered HTML in which every address is of a safe scheme, of one that the author wrote literally in the template, or of none;
 * any other is `#`.
 */
export function withSafeLinks(html: string, template: string): string {
  const written = writtenIn(template);
  if (!written.hasTags) return html;
  let done = 0;
  let clean = '';
  for (const { name, value, from, to } of scan(html).addresses) {
    if (schemesOf(name, value).every((scheme) => written.schemes.has(scheme))) continue;
    clean += `${html.slice(done, from)}#`;
    done = to;
  }
  return clean + html.slice(done);
}

interface Written {
  /** Whether a tag of the template stands inside a tag of HTML, so that a value has a say in an address. */
  readonly hasTags: boolean;
  readonly schemes: ReadonlySet<string>;
}

/** Templates that were looked at; a batch of messages has few. */
const mostKept = 100;
const kept = new Map<string, Written>();

function writtenIn(template: string): Written {
  let found = kept.get(template);
  if (found === undefined) {
    const { addresses, hasTags } = scan(template);
    const literal = addresses.flatMap(({ name, value }) => schemesOf(name, value));
    found = {
      hasTags,
      schemes: new Set([...safe, ...literal.filter((scheme) => !forbidden.includes(scheme))]),
    };
    if (kept.size >= mostKept) kept.clear();
    kept.set(template, found);
  }
  return found;
}

/** The schemes of a value as a browser reads it: of a `srcset` those of each address. */
function schemesOf(name: string, value: string): string[] {
  const text = decoded(value);
  return (name === 'srcset' ? text.split(',') : [text]).flatMap((address) => {
    // Browsers drop these wherever they stand, and every control and space at the beginning.
    const bare = address.replace(/[\t\n\r]/g, '').replace(/^[\0-\x20]+/, '');
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(bare)?.[1];
    return scheme === undefined ? [] : [scheme.toLowerCase()];
  });
}

const named: Readonly<Record<string, string>> = { colon: ':', tab: '\t', newline: '\n', amp: '&' };

/** Character references that could hide a scheme. */
function decoded(value: string): string {
  return value.replace(
    /&(?:#x([0-9a-f]{1,6});?|#(\d{1,7});?|(colon|tab|newline|amp);)/gi,
    (all, hex: string | undefined, decimal: string | undefined, name: string | undefined) => {
      if (name !== undefined) return named[name.toLowerCase()] ?? all;
      const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return point <= 0x10_ff_ff ? String.fromCodePoint(point) : all;
    },
  );
}

const tagStart = /<(?:(!--)|[a-z][^\s/>]*)/gi;
/**
 * The end of a tag, a tag of the template, which may hold signs of its own, or an attribute with its value. The last takes any
 * other sign, so that it ends only with the text.
 */
const part =
  /\s*(?:(>)|\/|(?:\{\{[^}]{0,1000}\}\}|\{%[^%]{0,1000}%\})|([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|((?:\{\{[^}]{0,1000}\}\}|[^\s>])*)))?)/gy;

interface Scanned {
  readonly addresses: Attribute[];
  hasTags: boolean;
}

function scan(html: string): Scanned {
  const found: Scanned = { addresses: [], hasTags: false };
  let at = 0;
  for (;;) {
    tagStart.lastIndex = at;
    const opened = tagStart.exec(html);
    if (opened === null) return found;
    at = tagStart.lastIndex;
    if (opened[1] === undefined) at = addTag(html, at, found);
    // A comment that Outlook reads is HTML like any other.
    else if (!html.startsWith('[if', at)) {
      const end = html.indexOf('-->', at);
      if (end === -1) return found;
      at = end;
    }
  }
}

/** Adds the addresses of a tag whose attributes begin here, and answers where it ends. */
function addTag(html: string, start: number, found: Scanned): number {
  let at = start;
  for (;;) {
    part.lastIndex = at;
    const next = part.exec(html);
    if (next === null) return at;
    at = part.lastIndex;
    const [all, end, name, double, single, bare] = next;
    if (all.includes('{{') || all.includes('{%')) found.hasTags = true;
    if (end !== undefined) return at;
    const value = double ?? single ?? bare;
    if (name === undefined || value === undefined || !addressed.has(name.toLowerCase())) continue;
    const to = at - (bare === undefined ? 1 : 0);
    found.addresses.push({ name: name.toLowerCase(), value, from: to - value.length, to });
  }
}
