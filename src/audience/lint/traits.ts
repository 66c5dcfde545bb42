import { columnInPlaceOf, keyOf, nameOf } from '../../filter/fields.js';
import type { CustomField, Field } from '../../filter/fields.js';
import { lowerFolded } from '../../filter/lint/lower.js';
import type { Finding } from '../../filter/lint.js';
import { sketch } from '../../filter/parse/context.js';
import { printFilter } from '../../filter/print.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter, Leaf } from '../../filter/tree.js';
import { foldAscii } from '../../filter/values.js';
import { visible } from '../../filter/visible.js';
import type { CataloguedTrait, TraitType } from '../../traits/catalogue/types.js';
import { fieldMeant } from '../advice/meant.js';
import { nearName } from '../advice/near.js';
import { shapeOf } from '../advice/shape.js';

/**
 * What a filter asks of traits that nobody sends so: a trait that nobody has, a type that no value of it has, a letter case
 * that none of its common values has. Of the present, not for ever; so each is a warning.
 */
export function lintTraits(filter: Filter, catalogue: readonly CataloguedTrait[]): Finding[] {
  return leavesOf(filter).flatMap(({ leaf }) => {
    const field = fieldOf(leaf);
    if (field?.kind !== 'custom' || field.entity === 'event') return [];
    const trait = traitOf(field, catalogue);
    // That nobody can have it is told by the clause alone.
    if (columnInPlaceOf(field) !== null) return [];
    if (trait === null) return neverSent(leaf.path, field, catalogue);
    if (field.tokens.length > 1) return [];
    const shape = shapeNeverMatches(leaf, trait);
    return shape.length > 0 ? shape : [...typeNeverSent(leaf, trait), ...caseNeverSent(leaf, trait)];
  });
}

/** The same of a field that is read as a time, as that of a date trigger: a trait that nobody has, or that is never sent as text. */
export function lintTimeField(field: Field, path: string, catalogue: readonly CataloguedTrait[]): Finding[] {
  if (field.kind !== 'custom' || field.entity === 'event') return [];
  const trait = traitOf(field, catalogue);
  if (trait === null) return neverSent(path, field, catalogue);
  return field.tokens.length > 1 ? [] : typeFinding(path, trait, ['text'], 'an ISO 8601 time in a text');
}

/** The trait that holds the field, where somebody has it. Inside a pointer only the outermost trait is catalogued. */
function traitOf(field: CustomField, catalogue: readonly CataloguedTrait[]): CataloguedTrait | null {
  const [key] = field.tokens;
  const entity = field.entity === 'company' ? 'company' : 'user';
  const trait = catalogue.find((each) => each.key === key && each.entity === entity);
  return trait === undefined || trait.users === 0 ? null : trait;
}

function neverSent(path: string, field: CustomField, catalogue: readonly CataloguedTrait[]): Finding[] {
  const [key = ''] = field.tokens;
  const whose = field.entity === 'company' ? 'no company has' : 'nobody has';
  const meant = fieldMeant(field, catalogue);
  const hint =
    meant === null
      ? `send \`${visible(key)}\` on identify, or backfill it; letter case counts in names too`
      : `did you mean \`${visible(nameOf(meant.field))}\`?`;
  const message = `${whose} \`${visible(keyOf(field))}\``;
  return [{ code: 'trait_never_sent', severity: 'warning', path, message, hint }];
}

/** What the values that are listed say of their shape. */
function shapeNeverMatches(leaf: Leaf, { key, common_values: common }: CataloguedTrait): Finding[] {
  const shape = shapeOf(
    leaf,
    common.map(({ value }) => value),
  );
  if (shape === null) return [];
  const written = shape.clause === null ? null : sketch(printFilter(shape.clause));
  return [
    {
      code: 'shape_never_matches',
      severity: 'warning',
      path: leaf.path,
      message: `\`${visible(key)}\`: ${shape.text.replace(/^It is/, 'it is').replace(/^Items are/, 'items are')}`,
      hint: written === null ? 'send a list of items' : `write ${written}`,
    },
  ];
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
  return asked.flatMap((literal): Finding[] => {
    if (literal.type !== 'text' || texts.includes(literal.value)) return [];
    const meant = texts.find((text) => foldAscii(text) === foldAscii(literal.value));
    const near = meant ?? nearName(literal.value, texts);
    if (near === null) return [];
    const message = `\`${visible(key)}\` is sent as \`${visible(near)}\`, and asked for as \`${visible(literal.value)}\``;
    const path = leaf.path;
    if (meant === undefined) {
      const hint = `did you mean ${visible(JSON.stringify(near))}?`;
      return [{ code: 'value_never_sent', severity: 'warning', path, message, hint }];
    }
    const folded = lowerFolded(leaf);
    const lowered = folded === null ? null : sketch(printFilter(folded));
    const hint = `write ${visible(JSON.stringify(meant))}${lowered === null ? '' : `, or ${lowered}`}`;
    return [{ code: 'letter_case_never_sent', severity: 'warning', path, message, hint }];
  });
}
