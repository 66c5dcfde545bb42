import type { TemplateCheck, TemplatePreview } from '../../automation/index.js';
import { number, people, plain, table } from '../terminal.js';
import type { Printer } from '../terminal.js';

/** What a check found, for a person to read: a line for each tag, then what is wrong. */
export function checkLines(
  printer: Printer,
  { audience, tags, refusals, warnings }: TemplateCheck,
): string[] {
  const rows = tags.map(({ tag, fallback, missing, percent, in: parts }) => [
    `{{ ${plain(tag)} }}`,
    parts.join(', '),
    fallback ? 'fallback' : '',
    missing === 0 ? 'nobody lacks it' : `${number(missing)} lack it, ${percent} %`,
  ]);
  const findings = [
    ...refusals.map((each) => ({ ...each, mark: printer.style('red', 'must not be launched') })),
    ...warnings.map((each) => ({ ...each, mark: printer.style('yellow', 'look') })),
  ];
  return [
    `${people(audience)} in the audience`,
    ...table(rows).map((line) => `  ${line.trimEnd()}`),
    ...findings.flatMap(({ mark, message, hint }) => ['', `${mark}: ${plain(message)}`, `  ${plain(hint)}`]),
  ];
}

/** A message as one person would get it. */
export function messageLines(printer: Printer, message: TemplatePreview): string[] {
  const { title, text, html, to, unreachable, blank } = message;
  const name = (what: string): string => printer.style('dim', what);
  return [
    ...(unreachable === null ? [] : [`${printer.style('yellow', 'not reached')}: ${unreachable}`]),
    ...(to === null ? [] : [`${name('to')} ${plain(to)}`]),
    ...(title === null ? [] : [`${name('title')} ${plain(title)}`]),
    ...text.split('\n').map(plain),
    ...(html === undefined ? [] : ['', name('html'), ...html.split('\n').map(plain)]),
    ...(blank.length === 0 ? [] : ['', `${name('renders nothing')} ${blank.map(plain).join(', ')}`]),
  ];
}
