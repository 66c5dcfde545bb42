import { createHash } from 'node:crypto';
import MailComposer from 'nodemailer/lib/mail-composer';
import { escaped } from '../../templates.js';
import type { OutgoingMessage } from '../channel.js';
import { domainOf } from './mailbox.js';
import { titleLine } from '../title.js';
import type { Mailbox } from './mailbox.js';

/** What of a workspace's settings stands in a message. */
export interface Letterhead {
  readonly from: Mailbox;
  readonly replyTo: Mailbox | null;
  /** Plain text beneath every message; empty for none. */
  readonly footer: string;
}

/** The Message-ID of a delivery: the same at every attempt, by which receivers and bounces tell it. */
export function messageIdOf(key: string, from: Mailbox): string {
  return `<${key}@${domainOf(from)}>`;
}

/**
 * A message as it goes over the wire, made of what is kept with the delivery and of the letterhead: no clock, no
 * randomness, so that a repeat is the same to the byte. Beneath it stand the footer and, where the author placed no link to
 * unsubscribe, that link.
 */
export async function contentOf(message: OutgoingMessage, key: string, head: Letterhead): Promise<Buffer> {
  const { title, text, html, to = '', unsubscribeUrl: url, createdAt = 0 } = message;
  const { from, replyTo } = head;
  const composer = new MailComposer({
    from: { ...from },
    to: { name: '', address: to },
    ...(replyTo === null ? {} : { replyTo: { ...replyTo } }),
    ...(title === null ? {} : { subject: titleLine(title) }),
    messageId: messageIdOf(key, from),
    date: new Date(createdAt),
    text: text + textFooter(head.footer, text, url),
    ...(html === undefined ? {} : { html: withHtmlFooter(html, head.footer, url) }),
    ...(url === undefined ? {} : { headers: listHeaders(url) }),
    baseBoundary: createHash('sha256').update(key).digest('hex').slice(0, 32),
    boundaryPrefix: '--muster',
    newline: 'win',
    // A text of ours is a text, never the name of a file or an address to be fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

/** A header that goes out as it is, for it must not be folded. */
interface RawHeader {
  readonly key: string;
  readonly value: { readonly prepared: true; readonly value: string };
}

function header(key: string, value: string): RawHeader {
  return { key, value: { prepared: true, value } };
}

/** RFC 8058 asks for https; elsewhere the link is still one that a person can open. */
function listHeaders(url: string): RawHeader[] {
  return [
    header('List-Unsubscribe', `<${url}>`),
    ...(url.startsWith('https:') ? [header('List-Unsubscribe-Post', 'List-Unsubscribe=One-Click')] : []),
  ];
}

function textFooter(footer: string, text: string, url: string | undefined): string {
  const link = url === undefined || text.includes(url) ? '' : `Unsubscribe: ${url}`;
  const lines = [footer, link].filter((line) => line !== '').join('\n');
  // The mark by which mail programs know that the message proper is over.
  return lines === '' ? '' : `\n\n-- \n${lines}\n`;
}

function withHtmlFooter(html: string, footer: string, url: string | undefined): string {
  // A link in HTML is escaped, so that it may stand in either form.
  const isThere = url === undefined || html.includes(url) || html.includes(escaped(url, 'html'));
  const lines = footer === '' ? [] : [escaped(footer, 'html').replaceAll('\n', '<br>')];
  if (!isThere && url !== undefined) lines.push(`<a href="${escaped(url, 'html')}">Unsubscribe</a>`);
  if (lines.length === 0) return html;
  const block = `<p style="margin-top:2em;color:#595959;font-size:small">${lines.join('<br>')}</p>`;
  const end = [...html.matchAll(/<\/body\s*>/gi)].at(-1)?.index ?? html.length;
  return `${html.slice(0, end)}${block}${html.slice(end)}`;
}
