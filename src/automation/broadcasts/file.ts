import { readFile } from 'node:fs/promises';
import { refuse } from '../../errors/index.js';

/** Reads a broadcast from a JSON file, as it is written. Errors: `broadcast_unreadable`, `broadcast_not_json`. */
export async function loadBroadcastDocument(file: string | URL): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return refuse('broadcast_unreadable', { file: String(file), reason: reasonOf(error) }, { cause: error });
  }
  return parseBroadcastJson(text);
}

/** Errors: `broadcast_not_json`. */
export function parseBroadcastJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse('broadcast_not_json', { reason: reasonOf(error) }, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The system's message repeats the path that the refusal already names.
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
