import { Command } from 'commander';
import { sentence } from '../../filter/sentence.js';
import { compileSql } from '../../filter/sql.js';
import { readFilter } from '../filter-input.js';
import { momentFrom, withExamples, withJson, withMoment } from '../options.js';
import type { JsonOptions, MomentOptions } from '../options.js';
import { out, plain, shown, table } from '../terminal.js';

/** `muster compile F`: the SQL of a filter. It needs no server. */
export function compileCommand(): Command {
  const command = new Command('compile')
    .description(
      'Shows what a filter compiles to: a condition on end_users with its values, the fields it reads and the indexes ' +
        'that can serve it. Needs no server.',
    )
    .argument('<filter>', 'a preset key, a path to a JSON file, or the filter itself')
    .action(run);
  return withExamples(withJson(withMoment(command, 'UTC')), [
    ['muster compile signed-up-in-30-days', 'a preset'],
    [`muster compile '{"==": [{"var": "custom:role"}, "admin"]}' --json`, 'inline, for a program'],
    ['muster compile audience.json --now 2026-01-31T09:30:00Z', 'a file, at a fixed instant'],
  ]);
}

function run(input: string, options: MomentOptions & JsonOptions): void {
  const { filter } = readFilter(input);
  const compiled = compileSql(filter, { moment: momentFrom(options, 'UTC') });
  const { text, values, fields, indexes } = compiled;
  if (options.json) {
    out.line(JSON.stringify({ text, values, fields, indexes, sentence: sentence(filter) }));
    return;
  }
  out.line(plain(sentence(filter)));
  out.line(`\n${head('SQL')}  a condition on end_users AS u`);
  out.line(`  ${plain(text)}`);
  if (values.length > 0) {
    out.line(`\n${head('Values')}`);
    for (const line of table(values.map((value, index) => [`$${index + 1}`, shown(value)])))
      out.line(`  ${line}`);
  }
  out.line(`\n${head('Reads')}      ${plain(fields.join(', ')) || 'no field'}`);
  const indexed = indexes.map(({ name, definition }) => name ?? `(would be) ${plain(definition)}`);
  out.line(`${head('Served by')}  ${[...new Set(indexed)].join(', ') || 'no index; it scans the workspace'}`);
}

const head = (title: string): string => out.style('bold', title);
