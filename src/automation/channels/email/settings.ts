import type { Client, Pool } from '../../../database/pool.js';
import { inWorkspace } from '../../../database/workspace.js';
import { MusterError, problem, refuse } from '../../../errors/index.js';
import type { Problem } from '../../../errors/index.js';
import { textFault } from '../../../traits/json.js';
import { hostProblem } from '../webhook/address.js';
import type { NetworkRules } from '../webhook/networks.js';
import { mailboxOf } from './mailbox.js';
import type { Mailbox } from './mailbox.js';
import { isOneLine, mailServerOf } from './server-address.js';
import type { MailServer } from './server-address.js';

/** What e-mail is sent with, as it is written; what is null is not set. */
export interface EmailSettings {
  readonly smtp_url: string | null;
  /** `Name <address>`, or an address. */
  readonly from: string | null;
  readonly reply_to: string | null;
  readonly footer: string | null;
  readonly public_url: string | null;
  readonly on_lost_confirmation: OnLost | null;
}

export type OnLost = 'retry_same_key' | 'park';

export const noSettings: EmailSettings = {
  smtp_url: null,
  from: null,
  reply_to: null,
  footer: null,
  public_url: null,
  on_lost_confirmation: null,
};

/** A part that is left out stays as it is; null takes it away. */
export type EmailChange = { readonly [K in keyof EmailSettings]?: EmailSettings[K] | undefined };

/** Settings as callers see them: never the server's URL, which holds a password. */
export interface EmailView extends Omit<EmailSettings, 'smtp_url'> {
  /** Whether messages can be sent; `missing` says what keeps them from it. */
  readonly ready: boolean;
  readonly missing: readonly string[];
  readonly server:
    | { readonly of: 'installation' }
    | {
        readonly of: 'workspace';
        readonly host: string;
        readonly port: number;
        readonly tls: 'at_once' | 'starttls';
      }
    | null;
  readonly on_lost_confirmation: OnLost;
}

/** Everything that sending takes. */
export interface Mailer {
  readonly server: MailServer;
  /** Whether the server is the installation's own, which may stand in a private network. */
  readonly isOurs: boolean;
  readonly from: Mailbox;
  readonly replyTo: Mailbox | null;
  readonly footer: string;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  readonly onLost: OnLost;
}

const longestFooter = 2000;

/**
 * Changes a workspace's settings. Errors, all at once: `email_bad_setting`, `webhook_blocked_address`,
 * `email_sender_without_server`; then `unknown_workspace`.
 */
export async function saveEmailSettings(
  pool: Pool,
  { workspaceId, rules, change }: { workspaceId: string; rules: NetworkRules; change: EmailChange },
): Promise<EmailSettings> {
  return inWorkspace(pool, workspaceId, async (client) => {
    const { rowCount } = await client.query(lockWorkspace, [workspaceId]);
    if (rowCount === 0) refuse('unknown_workspace', { workspace: workspaceId });
    const settings = { ...(await readSettings(client, workspaceId)), ...written(change) };
    const problems = settingsProblems(settings, { rules, named: (key) => ({ name: key, path: `/${key}` }) });
    if (settings.from !== null && settings.smtp_url === null) {
      problems.push(problem('email_sender_without_server', {}, { path: '/from' }));
    }
    if (problems.length > 0) throw new MusterError(problems);
    const { smtp_url, from, reply_to, footer, public_url, on_lost_confirmation } = settings;
    await client.query(putSettings, [
      workspaceId,
      smtp_url,
      from,
      reply_to,
      footer,
      public_url,
      on_lost_confirmation,
    ]);
    return settings;
  });
}

/** The workspace's own settings; nothing is set where it has none. */
export async function getEmailSettings(pool: Pool, workspaceId: string): Promise<EmailSettings> {
  return inWorkspace(pool, workspaceId, (client) => readSettings(client, workspaceId));
}

/** Where people reach this Muster; an example where nobody has said. */
export async function publicUrlOf(
  pool: Pool,
  workspaceId: string,
  installation: EmailSettings,
): Promise<string> {
  const { public_url: url } = settingsOver(await getEmailSettings(pool, workspaceId), installation);
  return linkBase(url ?? 'https://muster.example.com');
}

/** Again is harmless; from then on the installation's settings hold. */
export async function deleteEmailSettings(pool: Pool, workspaceId: string): Promise<{ deleted: boolean }> {
  const { rowCount } = await inWorkspace(pool, workspaceId, (client) =>
    client.query('DELETE FROM email_settings WHERE workspace_id = $1', [workspaceId]),
  );
  return { deleted: rowCount === 1 };
}

export async function readSettings(client: Client, workspaceId: string): Promise<EmailSettings> {
  const { rows } = await client.query<EmailSettings>(readRow, [workspaceId]);
  return rows[0] ?? noSettings;
}

/** How a setting is called where it was written, and where that is. */
export type SettingNames = (key: keyof EmailSettings) => { readonly name: string; readonly path: string };

/** What is wrong with settings. `rules` are null for the installation's own, whose server may stand anywhere. */
export function settingsProblems(
  settings: EmailSettings,
  { rules, named }: { rules: NetworkRules | null; named: SettingNames },
): Problem[] {
  const problems: Problem[] = [];
  const bad = (key: keyof EmailSettings, reason: string, hint: string): void => {
    const { name, path } = named(key);
    problems.push(problem('email_bad_setting', { key: name, reason, hint }, { path }));
  };
  const { smtp_url: smtpUrl, from, reply_to: replyTo, footer, public_url: publicUrl } = settings;
  if (smtpUrl !== null) {
    const server = mailServerOf(smtpUrl);
    const example = 'write smtps://user:password@smtp.example.com, or smtp:// with a port for STARTTLS';
    if (typeof server === 'string') bad('smtp_url', server, example);
    else {
      const blocked = rules === null ? null : hostProblem(server.host, rules, named('smtp_url').path);
      if (blocked !== null) problems.push(blocked);
    }
  }
  const example = 'write an address, or a name and an address as in Example <hello@example.com>';
  if (from !== null && mailboxOf(from) === null) bad('from', 'it is no address', example);
  if (replyTo !== null && mailboxOf(replyTo) === null) bad('reply_to', 'it is no address', example);
  if (footer !== null) {
    const fault = textFault(footer);
    if (fault !== null) bad('footer', `it holds ${fault}`, 'write plain text');
    if (Buffer.byteLength(footer) > longestFooter) {
      bad(
        'footer',
        `it has more than ${longestFooter} bytes`,
        'write a few lines, such as the postal address',
      );
    }
  }
  const fault = publicUrl === null ? null : publicUrlFault(publicUrl);
  if (fault !== null) bad('public_url', fault, 'write https://muster.example.com');
  return problems;
}

function publicUrlFault(text: string): string | null {
  if (text.length > 500 || !isOneLine(text) || !URL.canParse(text)) return 'it is no URL';
  const { protocol, username, password, search, hash } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return 'it is not https';
  const isBare = username === '' && password === '' && search === '' && hash === '';
  return isBare ? null : 'it has more than a host, a port and a path';
}

/**
 * As the URL standard writes it, which is how it is read: as it was typed it could hold what ends a header or a link. Without
 * a slash at its end.
 */
function linkBase(publicUrl: string): string {
  return new URL(publicUrl).href.replace(/\/+$/, '');
}

/** The workspace's settings over the installation's; a sender goes with its server. */
export function settingsOver(own: EmailSettings, installation: EmailSettings): EmailSettings {
  const isOwnServer = own.smtp_url !== null;
  return {
    smtp_url: own.smtp_url ?? installation.smtp_url,
    from: isOwnServer ? own.from : installation.from,
    reply_to: own.reply_to ?? (isOwnServer ? null : installation.reply_to),
    footer: own.footer ?? installation.footer,
    public_url: own.public_url ?? installation.public_url,
    on_lost_confirmation: own.on_lost_confirmation ?? installation.on_lost_confirmation,
  };
}

/** What sending lacks. */
export function missingIn(settings: EmailSettings): string[] {
  return (['smtp_url', 'from', 'public_url'] as const).filter((key) => settings[key] === null);
}

/** Null where something is missing. Settings were checked when they were saved. */
export function mailerOf(own: EmailSettings, installation: EmailSettings): Mailer | null {
  const settings = settingsOver(own, installation);
  const { smtp_url: url, from, reply_to: replyTo, public_url: publicUrl, footer } = settings;
  const server = url === null ? null : mailServerOf(url);
  const sender = from === null ? null : mailboxOf(from);
  if (server === null || typeof server === 'string' || sender === null || publicUrl === null) return null;
  return {
    server,
    isOurs: own.smtp_url === null,
    from: sender,
    replyTo: replyTo === null ? null : mailboxOf(replyTo),
    footer: footer ?? '',
    publicUrl: linkBase(publicUrl),
    onLost: settings.on_lost_confirmation ?? 'retry_same_key',
  };
}

export function viewOf(own: EmailSettings, installation: EmailSettings): EmailView {
  const { smtp_url: _secret, ...settings } = settingsOver(own, installation);
  const missing = missingIn(settingsOver(own, installation));
  return {
    ...settings,
    ready: missing.length === 0,
    missing,
    server: serverView(own, installation),
    on_lost_confirmation: settings.on_lost_confirmation ?? 'retry_same_key',
  };
}

function serverView(own: EmailSettings, installation: EmailSettings): EmailView['server'] {
  const server = own.smtp_url === null ? null : mailServerOf(own.smtp_url);
  if (server === null || typeof server === 'string') {
    return installation.smtp_url === null ? null : { of: 'installation' };
  }
  const { host, port, secure } = server;
  return { of: 'workspace', host, port, tls: secure ? 'at_once' : 'starttls' };
}

function written(change: EmailChange): Partial<EmailSettings> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

const lockWorkspace = 'SELECT 1 FROM workspaces WHERE workspace_id = $1 FOR NO KEY UPDATE';

const readRow = `
  SELECT smtp_url, sender AS from, reply_to, footer, public_url, on_lost_confirmation
  FROM email_settings WHERE workspace_id = $1`;

const putSettings = `
  INSERT INTO email_settings (workspace_id, smtp_url, sender, reply_to, footer, public_url, on_lost_confirmation)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (workspace_id) DO UPDATE
  SET smtp_url = excluded.smtp_url, sender = excluded.sender, reply_to = excluded.reply_to, footer = excluded.footer,
    public_url = excluded.public_url, on_lost_confirmation = excluded.on_lost_confirmation,
    updated_at = date_trunc('milliseconds', statement_timestamp())`;
