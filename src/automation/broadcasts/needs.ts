import { channelProperties } from '../channels/properties.js';
import { messageTemplates } from '../series/needs.js';
import { templateTags } from '../templates.js';
import type { TagField } from '../templates.js';
import type { BroadcastDefinition } from './model.js';

/** What a message is rendered from, so that no more is read of a million people. */
export interface Needs {
  /** Columns of `end_users`, beside the ids. */
  readonly columns: readonly string[];
  /** Whether the person's company is needed. */
  readonly company: boolean;
  /** Whether two people may get different texts: then each one's is kept until it has arrived. */
  readonly personal: boolean;
}

export function needsOf({ channel, variants }: BroadcastDefinition): Needs {
  const tags = variants.flatMap(({ message }) => messageTemplates(message)).flatMap(templateTags);
  const fields = tags.flatMap(({ field }) => (field === null ? [] : [field]));
  const columns = new Set(fields.flatMap(columnsOf));
  const company = fields.some((field) => field !== 'customer_for' && field.entity === 'company');
  if (company) columns.add('company_id');
  // Where it goes is settled with the first attempt, and some channels address people by what they have in these.
  if (channel === 'email') columns.add('email');
  return {
    columns: [...columns].filter((column) => column !== 'user_id'),
    company,
    personal: tags.length > 0 || channel === 'email' || channelProperties(channel).tags.length > 0,
  };
}

function columnsOf(field: TagField): string[] {
  if (field === 'customer_for' || field.kind === 'derived') return ['signed_up_at', 'created_at'];
  if (field.entity === 'company') return [];
  return field.kind === 'custom' ? ['custom_fields'] : [field.name];
}
