import { errorTable } from '../../src/errors/index.js';
import type { ErrorEntry } from '../../src/errors/table.js';

/** The page `docs/errors.md`, made from the one table of codes. */
export function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([code, entry]: [string, ErrorEntry]) => {
    const cell = (text: string): string => text.replaceAll('|', '\\|');
    return `| \`${code}\` | ${entry.status} | ${entry.exit} | ${cell(entry.message)} | ${cell(entry.hint)} |`;
  });
  return `# Errors

Made from the table in \`src/errors\` by \`npm run generate\`; do not edit by hand.

Over HTTP an error is \`{ "error": { "code", "message", "path", "hint", "details" } }\`. \`path\` is a JSON Pointer into what
was sent; \`details.problems\` lists every problem, the first of which gives the other four. The command line prints the
same parts on standard error, or that body with \`--json\`, and exits with 2 for bad input and 3 for a server out of reach.

| code | HTTP | exit | message | hint |
|---|---|---|---|---|
${rows.join('\n')}
`;
}
