import type { CataloguedTrait, CommonValue } from '../../traits/catalogue/types.js';
import { cut, number, plain, shown, table } from '../terminal.js';
import type { Printer } from '../terminal.js';

/** The catalogue for a person to read: a line for each trait, those of users first. */
export function traitLines(printer: Printer, traits: readonly CataloguedTrait[]): string[] {
  if (traits.length === 0) return ['no traits yet: send some with identify, or import a file'];
  const lines = (['user', 'company'] as const).flatMap((entity) => {
    const some = traits.filter((trait) => trait.entity === entity);
    if (some.length === 0) return [];
    const title = entity === 'user' ? 'Traits of people' : 'Traits of companies';
    const head = ['trait', entity === 'user' ? 'people' : 'companies', 'types', 'last seen', 'common values'];
    const rows = some.map((trait) => [
      cut(plain(trait.key), 40),
      number(trait.users),
      typesOf(trait),
      trait.last_seen?.slice(0, 10) ?? 'never',
      valuesOf(trait),
    ]);
    const [first = '', ...rest] = table([head, ...rows], [1]).map((line) => cut(line, printer.width - 2));
    return [
      '',
      printer.style('bold', title),
      `  ${printer.style('dim', first)}`,
      ...rest.map((line) => `  ${line}`),
    ];
  });
  return lines.slice(1);
}

/** `text`, or with counts where there are several; a declared type and what does not keep to it. */
function typesOf({ types, declared_type: declared, mismatches }: CataloguedTrait): string {
  const seen =
    types.length > 1
      ? types.map(({ type, count }) => `${type} ${number(count)}`).join(', ')
      : (types[0]?.type ?? declared ?? '-');
  return mismatches === 0 ? seen : `${seen}; ${number(mismatches)} not ${declared ?? ''}`;
}

function valuesOf({ common_values: values, values_exact: exact }: CataloguedTrait): string {
  if (values.length === 0) return '-';
  return values.map((each) => valueOf(each, exact)).join(', ');
}

function valueOf({ value, count }: CommonValue, exact: boolean): string {
  const text = typeof value === 'string' && speaksForItself(value) ? plain(value) : shown(value);
  return `${cut(text, 24)} ${exact ? '' : '~'}${number(count)}`;
}

/** Whether a text needs no quotes: it could not be taken for a number, another JSON value or nothing. */
function speaksForItself(text: string): boolean {
  return /^\p{L}(.*\S)?$/su.test(text) && !['true', 'false', 'null'].includes(text);
}
