import { keyOf } from '../../filter/fields.js';
import type { CustomField, Field } from '../../filter/fields.js';
import type { Finding } from '../../filter/lint.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter, Leaf } from '../../filter/tree.js';
import { foldAscii } from '../../filter/values.js';
import type { CataloguedTrait, TraitType } from '../../traits/catalogue/types.js';

/**
 * What a filter asks of traits that nobody sends so: a trait that nobody has, a type that no value of it has, a letter case
 * that none of its common values has. Of the present, not for ever; so each is a warning.
 */
export function lintTraits(filter: Filter, catalogue: readonly CataloguedTrait[]): Finding[] {
  return leavesOf(filter).flatMap(({ leaf }) => {
    const field = fieldOf(leaf);
    if (field?.kind !== 'custom' || field.entity === 'event') return [];
    const trait = traitOf(field, catalogue);
    if (trait === null) return [neverSent(leaf.path, field)];
    return field.tokens.length > 1 ? [] : [...typeNeverSent(leaf, trait), ...caseNeverSent(leaf, trait)];
  });
}

/** The same of a field that is read as a time, as that of a date trigger: a trait that nobody has, or that is never sent as text. */
export function lintTimeField(field: Field, path: string, catalogue: readonly CataloguedTrait[]): Finding[] {
  if (field.kind !== 'custom' || field.entity === 'event') return [];
  const trait = traitOf(field, catalogue);
  if (trait === null) return [neverSent(path, field)];
  return field.tokens.length > 1 ? [] : typeFinding(path, trait, ['text'], 'an ISO 8601 time in a text');
}

/** The trait that holds the field, where somebody has it. Inside a pointer only the outermost trait is catalogued. */
function traitOf(field: CustomField, catalogue: readonly CataloguedTrait[]): CataloguedTrait | null {
  const [key] = field.tokens;
  const entity = field.entity === 'company' ? 'company' : 'user';
  const trait = catalogue.find((each) => each.key === key && each.entity === entity);
  return trait === undefined || trait.users === 0 ? null : trait;
}

function neverSent(path: string, field: CustomField): Finding {
  const [key = ''] = field.tokens;
  const whose = field.entity === 'company' ? 'no company has' : 'nobody has';
  return {
    code: 'trait_never_sent',
    severity: 'warning',
    path,
    message: `${whose} \`${keyOf(field)}\``,
    hint: `send \`${key}\` on identify, or backfill it; letter case counts in names too`,
  };
}

/** The types that a value must have so that the leaf can be true; null where any will do. */
function typesAsked(leaf: Leaf): readonly TraitType[] | null {
  const typeOf = { text: 'text', number: 'number', boolean: 'boolean', time: 'text' } as const;
  if (leaf.kind === 'compare') return [typeOf[leaf.value.type]];
  if (leaf.kind === 'between') return [typeOf[leaf.low.type]];
  if (leaf.kind === 'in') return leaf.items.map(({ type }) => typeOf[type]);
  if (leaf.kind === 'text') return ['text'];
  return leaf.kind === 'has' ? ['text', 'list'] : null;
}

function typeNeverSent(leaf: Leaf, trait: CataloguedTrait): Finding[] {
  const asked = typesAsked(leaf);
  return asked === null ? [] : typeFinding(leaf.path, trait, asked, [...new Set(asked)].join(' or '));
}

function typeFinding(
  path: string,
  { key, types }: CataloguedTrait,
  asked: readonly TraitType[],
  askedText: string,
): Finding[] {
  const sent = types.filter(({ count }) => count > 0).map(({ type }) => type);
  if (asked.some((type) => sent.includes(type))) return [];
  return [
    {
      code: 'type_never_sent',
      severity: 'warning',
      path,
      message: `\`${key}\` is asked to be ${askedText}, and is sent as ${sent.join(' or ')}`,
      hint: 'a value of another type never matches; ask for what is sent, or send what is asked for',
    },
  ];
}

function caseNeverSent(leaf: Leaf, { key, common_values: common }: CataloguedTrait): Finding[] {
  if (!('subject' in leaf) || leaf.subject.lower) return [];
  const texts = common.flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
  const asked =
    leaf.kind === 'compare' && leaf.operator === '==' ? [leaf.value] : leaf.kind === 'in' ? leaf.items : [];
  return asked.flatMap((literal) => {
    if (literal.type !== 'text' || texts.includes(literal.value)) return [];
    const meant = texts.find((text) => foldAscii(text) === foldAscii(literal.value));
    if (meant === undefined) return [];
    return [
      {
        code: 'letter_case_never_sent' as const,
        severity: 'warning' as const,
        path: leaf.path,
        message: `\`${key}\` is sent as \`${meant}\`, and asked for as \`${literal.value}\``,
        hint: `write "${meant}", or wrap the field in "lower" and write the text in lower case`,
      },
    ];
  });
}
