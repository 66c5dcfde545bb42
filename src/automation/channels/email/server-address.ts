/** Where mail is handed over, and as whom. */
export interface MailServer {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; else by STARTTLS. */
  readonly secure: boolean;
  readonly login: { readonly user: string; readonly password: string } | null;
}

const longestUrl = 2048;

/** Reads `smtps://user:password@mail.example.com` or `smtp://...:587`; a text says why it is none. */
export function mailServerOf(text: string): MailServer | string {
  if (text.length > longestUrl) return `it is longer than ${longestUrl} characters`;
  if (!isOneLine(text) || !URL.canParse(text)) return 'it is no URL';
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text);
  if (protocol !== 'smtp:' && protocol !== 'smtps:') return 'it is neither smtps:// nor smtp://';
  if (hostname === '') return 'it names no host';
  if ((pathname !== '' && pathname !== '/') || search !== '' || hash !== '') {
    return 'it has more than a user, a password, a host and a port';
  }
  if ((username === '') !== (password === '')) return 'a user and a password go together';
  const user = decoded(username);
  const secret = decoded(password);
  if (user === null || secret === null) return 'the user or the password is not percent-encoded UTF-8';
  const secure = protocol === 'smtps:';
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    login: user === '' ? null : { user, password: secret },
  };
}

/** Whether a text holds nothing that a reader of URLs passes over, as line breaks, and nothing that cannot be stored. */
export function isOneLine(text: string): boolean {
  return !/[\p{Cc}\p{Surrogate}]/u.test(text);
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
