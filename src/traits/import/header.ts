import { MusterError, problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { insteadOfReserved } from '../known-traits.js';
import { textFault } from '../json.js';

/**
 * Checks a header whole: a `user_id` column, every column named once, no reserved name. A header that is wrong refuses
 * the file, since every row would be.
 *
 * Errors, all at once: `import_no_user_id` `import_unnamed_column` `import_duplicate_column` `reserved_trait`
 * `trait_bad_text`.
 */
export function checkHeader(names: readonly string[]): void {
  const problems: Problem[] = [];
  const first = new Map<string, number>();
  names.forEach((name, index) => {
    const earlier = first.get(name);
    const instead = insteadOfReserved(name);
    const fault = textFault(name);
    if (name === '') problems.push(problem('import_unnamed_column', { position: index + 1 }));
    else if (earlier !== undefined) {
      const values = { column: shown(name), first: earlier + 1, second: index + 1 };
      problems.push(problem('import_duplicate_column', values));
    } else if (instead !== null) problems.push(problem('reserved_trait', { key: name, instead }));
    else if (fault !== null) {
      problems.push(problem('trait_bad_text', { where: `the name of column ${index + 1}`, what: fault }));
    }
    if (earlier === undefined) first.set(name, index);
  });
  if (!first.has('user_id')) problems.unshift(noUserId(names));
  if (problems.length > 0) throw new MusterError(problems);
}

function noUserId(names: readonly string[]): Problem {
  const listed = names.slice(0, 10).map((name) => `\`${shown(name)}\``);
  const more = names.length > 10 ? ` and ${names.length - 10} more` : '';
  return problem('import_no_user_id', { columns: listed.join(', ') + more }, hintFor(names));
}

function hintFor(names: readonly string[]): { hint: string } | Record<string, never> {
  const only = names.length === 1 ? (names[0] ?? '') : '';
  if (only.includes(';')) return { hint: 'the cells are separated by semicolons; save the file with commas' };
  if (only.includes('\t')) return { hint: 'the cells are separated by tabs; name the file .tsv' };
  if (only.includes(',')) return { hint: 'the cells are separated by commas; name the file .csv' };
  const meant = names.find((name) => /^(user[\s_-]*id|userid|id|external[\s_-]*id)$/i.test(name.trim()));
  return meant === undefined ? {} : { hint: `rename the column \`${shown(meant)}\` to \`user_id\`` };
}
