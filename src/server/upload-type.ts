import { refuse } from '../errors/index.js';
import { formatOf } from '../traits/rows/source.js';
import type { FileFormat } from '../traits/rows/source.js';

/** What the content type of an upload says of it; what it does not say is detected. */
export interface UploadType {
  readonly format: FileFormat | undefined;
  readonly encoding: string | undefined;
}

/** Null: the type says nothing, and the name or the content does. */
const types: ReadonlyMap<string, FileFormat | null> = new Map<string, FileFormat | null>([
  ['text/csv', 'csv'],
  ['application/csv', 'csv'],
  ['text/x-csv', 'csv'],
  ['application/x-csv', 'csv'],
  ['text/comma-separated-values', 'csv'],
  ['text/tab-separated-values', 'tsv'],
  ['application/x-ndjson', 'ndjson'],
  ['application/ndjson', 'ndjson'],
  ['application/jsonl', 'ndjson'],
  ['application/jsonlines', 'ndjson'],
  ['application/x-jsonlines', 'ndjson'],
  ['application/json', 'json'],
  ['text/json', 'json'],
  // What Windows calls a .csv file where Excel is installed.
  ['application/vnd.ms-excel', null],
  ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', null],
  ['application/octet-stream', null],
  ['binary/octet-stream', null],
  ['application/zip', null],
  ['application/gzip', null],
  ['text/plain', null],
  ['', null],
]);

/** The types to name in a document; the others are read too. */
export const uploadTypes = [
  'text/csv',
  'text/tab-separated-values',
  'application/x-ndjson',
  'application/json',
];

/** A form wraps the file, and `curl --data` sends it as a form without its line breaks. */
const forms = ['multipart/form-data', 'application/x-www-form-urlencoded'];

/**
 * Reads the content type of an upload, with the name that the caller gave the file, if any. Error: `body_wrong_type`, with
 * what to send in place of a form.
 */
export function uploadTypeOf(header: string | undefined, name: string | undefined): UploadType {
  const [type = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim());
  const found = types.get(type.toLowerCase());
  if (found === undefined) {
    const hint = forms.includes(type.toLowerCase())
      ? 'send the file itself as the body and no form, as `curl --data-binary @people.csv -H "Content-Type: text/csv"` does'
      : `send the header \`Content-Type\` with one of ${uploadTypes.join(', ')}`;
    return refuse('body_wrong_type', { type }, { hint });
  }
  const charset = parameters.find((each) => /^charset=/i.test(each))?.slice('charset='.length);
  return {
    format: found ?? (name === undefined ? undefined : formatOf(name)),
    encoding: charset?.replace(/^"(.*)"$/, '$1'),
  };
}

/** The name in `Content-Disposition: attachment; filename="people.csv"`. */
export function nameIn(disposition: string | undefined): string | undefined {
  return /;\s*filename="?([^";]+)"?/i.exec(disposition ?? '')?.[1];
}
