import type { Finding } from '../../filter/lint.js';
import { err, plain } from '../terminal.js';
import type { Printer } from '../terminal.js';

/** Each with its place, which begins with the document's name where one is given, and a line below with what to do. */
export function findingLines(printer: Printer, findings: readonly Finding[], document = ''): string[] {
  return findings.flatMap(({ code, severity, path, message, hint }) => {
    const mark = printer.style(severity === 'error' ? 'red' : 'yellow', severity);
    return [
      `${plain(document + path)}: ${mark} ${plain(message)} ${printer.style('dim', `[${code}]`)}`,
      `  ${printer.style('dim', 'hint')} ${plain(hint)}`,
    ];
  });
}

/** What is probably not meant about what was saved, beside the result; a program finds it in the result's JSON. */
export function printWarnings(json: true | undefined, findings: readonly Finding[]): void {
  if (json !== true) for (const line of findingLines(err, findings)) err.line(line);
}
