import { inSnapshot } from '../audience/people.js';
import { problem, MusterError } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { nameOf } from '../filter/fields.js';
import type { Field } from '../filter/fields.js';
import { nearest } from '../filter/parse/suggest.js';
import type { UserRecord } from '../filter/record.js';
import type { Moment } from '../filter/time.js';
import type { Filter } from '../filter/tree.js';
import type { Pool } from '../database/pool.js';
import { loadTraitCatalogue } from '../traits/catalogue/load.js';
import { reachability } from './channels/properties.js';
import type { Unreachable } from './channels/reach.js';
import { Check } from './series/parse/check.js';
import { messageOf } from './series/parse/message.js';
import type { MessageTemplate } from './series/model.js';
import { tagValue, templateTags } from './templates.js';
import type { Tag } from './templates.js';
import { renderedMessage } from './work/render.js';
import type { RenderedMessage } from './work/render.js';

/** One merge tag of a template, against an audience. */
export interface CheckedTag {
  readonly tag: string;
  /** The `var` name of what it reads; null for one that the channel fills. */
  readonly field: string | null;
  /** Where it stands: `title`, `text`, `html`. */
  readonly in: readonly string[];
  /** Whether every place of it has a fallback. */
  readonly fallback: boolean;
  /** How many of the audience lack the value. */
  readonly missing: number;
  /** The same in percent of the audience, to one decimal place; 0 where it is empty. */
  readonly percent: number;
}

export interface TemplateCheck {
  /** How many people it was checked against. */
  readonly audience: number;
  readonly tags: readonly CheckedTag[];
  /** A value that nobody has, or that no trait was ever sent for: such a template must not be launched. */
  readonly refusals: readonly Problem[];
  /** Values that some lack, so that they read a gap. */
  readonly warnings: readonly Problem[];
}

export interface CheckTemplate {
  readonly workspaceId: string;
  readonly template: MessageTemplate;
  readonly filter: Filter;
  readonly moment: Moment;
  /** Milliseconds that one count may take; default 10,000. */
  readonly timeoutMs?: number;
}

/** Reads a message as a step has it. Errors: those of a step's message, below `/template`. */
export function parseTemplate(input: unknown, channel: string | null): MessageTemplate {
  const check = new Check();
  const message = messageOf(check, input, '/template', channel);
  if (message === null || check.problems.length > 0) throw new MusterError(check.problems);
  return message;
}

/**
 * Counts who of an audience lacks what the tags of a template read, in one snapshot. A tag with a fallback is counted and
 * never complained about.
 *
 * Errors: `audience_timeout`.
 */
export async function checkTemplate(pool: Pool, options: CheckTemplate): Promise<TemplateCheck> {
  const { workspaceId, template, filter, moment, timeoutMs = 10_000 } = options;
  const found = tagsOf(template);
  const fields = found.map(({ field }) => field).filter((field) => field !== null);
  const lacks = fields.map((field): Filter => {
    const missing: Filter = { kind: 'presence', operator: 'missing', field, path: '' };
    return { kind: 'and', operands: [filter, missing], path: '' };
  });
  const [audience = 0, ...counts] = await inSnapshot(pool, { workspaceId, moment, timeoutMs }, (people) =>
    people.countEach([filter, ...lacks]),
  );
  let place = 0;
  const tags = found.map(({ tag, field, parts, fallback }): CheckedTag => {
    const missing = field === null ? 0 : (counts[place++] ?? 0);
    const percent = audience === 0 ? 0 : Math.round((missing / audience) * 1000) / 10;
    return { tag, field: field === null ? null : nameOf(field), in: parts, fallback, missing, percent };
  });
  const unknown = await unknownTraits(pool, workspaceId, found);
  const refusals: Problem[] = [];
  const warnings: Problem[] = [];
  for (const [index, { tag, field, missing, percent, fallback, in: parts }] of tags.entries()) {
    if (fallback || field === null || missing === 0) continue;
    const path = `/template/${parts[0] ?? 'text'}`;
    const trait = found[index]?.field ?? null;
    const known = trait === null ? undefined : unknown.get(trait);
    if (known !== undefined) {
      const meant = nearest(tag, known);
      const hint = meant === null ? {} : { hint: `did you mean {{ ${meant} }}?` };
      refusals.push(problem('tag_unknown_trait', { tag, field }, { path, ...hint }));
    } else if (missing === audience) {
      refusals.push(problem('tag_nobody_has', { tag, field }, { path }));
    } else {
      warnings.push(problem('tag_some_lack', { tag, field, percent, missing, audience }, { path }));
    }
  }
  return { audience, tags, refusals, warnings };
}

export interface TemplatePreview extends Omit<RenderedMessage, 'unsubscribeUrl' | 'to' | 'payload'> {
  /** The address that an e-mail goes to. */
  readonly to: string | null;
  /** Why the channel cannot reach this person; null where it can. */
  readonly unreachable: Unreachable | null;
  /** Tags that render nothing, because the person lacks the value and there is no fallback. */
  readonly blank: readonly string[];
}

/** A template as one person would get it; the moment is in the workspace's zone. */
export function previewTemplate(
  template: MessageTemplate,
  {
    channel,
    user,
    moment,
    publicUrl,
  }: { channel: string; user: UserRecord; moment: Moment; publicUrl: string },
): TemplatePreview {
  // A link that leads nowhere: whoever looks at somebody's message must not unsubscribe them.
  const own = { unsubscribe_url: `${publicUrl}/u/preview` };
  const {
    unsubscribeUrl: _link,
    to = null,
    ...message
  } = renderedMessage(template, { channel, user, moment, own });
  const gaps = allTags(template).filter(
    ({ tag }) => tag.field !== null && tag.fallback === '' && tagValue(tag, user, moment) === null,
  );
  return {
    ...message,
    to,
    unreachable: reachability(channel, user),
    blank: [...new Set(gaps.map(({ tag }) => tag.tag))],
  };
}

interface FoundTag {
  readonly tag: string;
  readonly field: Field | null;
  readonly parts: readonly string[];
  readonly fallback: boolean;
}

/** Each tag once, wherever it stands. */
function tagsOf(template: MessageTemplate): FoundTag[] {
  const found = new Map<string, FoundTag>();
  for (const { tag, part } of allTags(template)) {
    const before = found.get(tag.tag);
    found.set(tag.tag, {
      tag: tag.tag,
      // What it counts from is never missing.
      field: tag.field === 'customer_for' ? null : tag.field,
      parts: [...new Set([...(before?.parts ?? []), part])],
      fallback: (before?.fallback ?? true) && tag.fallback !== '',
    });
  }
  return [...found.values()];
}

function allTags(template: MessageTemplate): { tag: Tag; part: string }[] {
  return (['title', 'text', 'html'] as const).flatMap((part) =>
    templateTags(template[part] ?? '').map((tag) => ({ tag, part })),
  );
}

/** The fields of a custom trait that was never sent, with the names of those that were. */
async function unknownTraits(
  pool: Pool,
  workspaceId: string,
  tags: readonly FoundTag[],
): Promise<ReadonlyMap<Field, readonly string[]>> {
  const customs = tags.flatMap(({ field }) => (field?.kind === 'custom' ? [field] : []));
  if (customs.length === 0) return new Map();
  const catalogue = await loadTraitCatalogue(pool, workspaceId);
  const keys = (entity: string): string[] =>
    catalogue.filter((trait) => trait.entity === entity).map(({ key }) => key);
  return new Map(
    customs.flatMap((field): [Field, readonly string[]][] => {
      const sent = keys(field.entity);
      const [key = ''] = field.tokens;
      return sent.includes(key) ? [] : [[field, sent]];
    }),
  );
}
