import { randomUUID } from 'node:crypto';
import type { Pool } from '../../../src/database/pool.js';
import type { DeliveryContext, OutgoingMessage } from '../../../src/automation/channels/channel.js';

export const workspaceId = 'sample';

/** A workspace with one person, to whom the messages go. */
export async function onePerson(pool: Pool): Promise<string> {
  await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [
    workspaceId,
  ]);
  const { rows } = await pool.query<{ id: string }>(
    'INSERT INTO end_users (workspace_id, user_id) VALUES ($1, $2) RETURNING id',
    [workspaceId, `u-${randomUUID()}`],
  );
  return rows[0]?.id ?? '';
}

export function messageTo(endUserId: string, changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    workspaceId,
    endUserId,
    userId: 'u1',
    series: 'welcome',
    step: 'hello',
    title: 'Hi',
    text: 'Hello there',
    createdAt: Date.parse('2026-03-01T10:20:30.456Z'),
    ...changes,
  };
}

/** A delivery of its own unless told otherwise. */
export function contextOf(changes: Partial<DeliveryContext> = {}): DeliveryContext {
  return { idempotencyKey: randomUUID(), signal: new AbortController().signal, ...changes };
}
