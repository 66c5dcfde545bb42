import type { Client, Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { contactsOfPerson } from '../facts/contacts.js';
import { lockContacts } from '../facts/lock-contacts.js';
import { addBegun, beginSending, beginValues } from './begin-statement.js';
import type { Begun, BeginRequest, BegunRow } from './begin-statement.js';

/**
 * Begins deliveries that frequency caps hold for. Whoever begins one for a person waits for everybody else who does, and
 * counts after that: of two series with one place left, one has it.
 */
export async function beginCapped(
  pool: Pool,
  requests: readonly BeginRequest[],
  begun: Map<string, Begun>,
): Promise<void> {
  for (const round of roundsOf(requests)) {
    addBegun(begun, await inTransaction(pool, (client) => beginRound(client, round)));
  }
}

/** Each round has a person once, because one statement does not see what it writes itself. */
function roundsOf(requests: readonly BeginRequest[]): BeginRequest[][] {
  const rounds: BeginRequest[][] = [];
  const met = new Map<string, number>();
  for (const request of requests) {
    const person = `${request.workspace}\n${request.endUser}`;
    const round = met.get(person) ?? 0;
    met.set(person, round + 1);
    (rounds[round] ??= []).push(request);
  }
  return rounds;
}

async function beginRound(client: Client, round: readonly BeginRequest[]): Promise<BegunRow[]> {
  // A statement of its own: the next one sees what those wrote who were waited for.
  await lockContacts(client, round);
  const { rows } = await client.query<BegunRow>(beginUnderCaps, [
    ...beginValues(round),
    round.map(({ caps }) =>
      JSON.stringify(caps.map(({ messages, since }) => ({ messages, since: new Date(since).toISOString() }))),
    ),
  ]);
  return rows;
}

// The statement's requests lack the caps; they stand in a list of their own, in the order of the tokens.
const beginUnderCaps = beginSending(`EXISTS (
        SELECT FROM unnest($3::uuid[], $9::jsonb[]) AS limited (token, caps)
        CROSS JOIN LATERAL jsonb_to_recordset(limited.caps) AS cap (messages integer, since timestamptz)
        WHERE limited.token = held.token AND cap.messages <= (
          SELECT count(*) FROM (${contactsOfPerson('held.workspace_id', 'held.end_user_id', 'cap.since')}) AS contact
          WHERE contact.delivery IS DISTINCT FROM held.delivery_id
        )
      )`);
