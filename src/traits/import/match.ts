import type { Pool } from '../../database/pool.js';
import { problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { runStatement } from '../database.js';
import { collectId } from '../ids.js';
import { positionOf } from './row.js';
import type { StagedRow } from './row.js';

/** A row of a file whose people are known by their address. */
export interface AddressedRow {
  readonly address: string;
  readonly row: StagedRow;
}

/** Whose row it is, or why that cannot be said. */
export type MatchedRow =
  | { readonly userId: string; readonly row: StagedRow }
  | { readonly problems: readonly [Problem, ...Problem[]] };

/**
 * Finds the people of rows by their e-mail address, without regard to ASCII case. An address that several people have
 * names nobody. Whoever is not found is refused, or, where `create` is set, made with the address in lower case as the
 * id; the address of a person who was found stays as it is.
 */
export async function matchByAddress(
  pool: Pool,
  workspaceId: string,
  rows: readonly AddressedRow[],
  create: boolean,
): Promise<MatchedRow[]> {
  const addresses = [...new Set(rows.map(({ address }) => asciiLower(address)))];
  const { rows: found } = await runStatement<Found>(pool, workspaceId, {
    text: statement,
    values: [workspaceId, addresses],
  });
  const byAddress = new Map(found.map((each) => [each.address, each]));
  return rows.map(({ address, row }): MatchedRow => {
    const folded = asciiLower(address);
    const person = byAddress.get(folded);
    const email = shown(address);
    if (person !== undefined && person.people > 1) {
      return { problems: [problem('person_ambiguous', { email, people: person.people })] };
    }
    if (person !== undefined) return { userId: person.user_id, row };
    if (!create) return { problems: [problem('person_unknown', { email })] };
    const problems: Problem[] = [];
    const userId = collectId('user_id', folded, problems);
    const [first, ...rest] = problems;
    if (first !== undefined) return { problems: [first, ...rest] };
    const columns = row.columns.with(positionOf('email'), address);
    return { userId, row: { ...row, columns } };
  });
}

interface Found {
  readonly address: string;
  readonly user_id: string;
  readonly people: number;
}

function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

const statement = `
SELECT lower(u.email) AS address, min(u.user_id) AS user_id, count(*)::integer AS people
FROM end_users AS u
WHERE u.workspace_id = $1 AND lower(u.email) = ANY ($2::text[]) AND u.user_id IS NOT NULL
GROUP BY lower(u.email)`;
