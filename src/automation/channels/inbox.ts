import type { Pool } from '../../database/pool.js';
import type { Channel } from './channel.js';

/** The in-app inbox: a row of `inbox_messages`, unique by delivery, so that a repeat changes nothing. */
export function inboxChannel(pool: Pool): Channel {
  return {
    name: 'inbox',
    onLostConfirmation: 'retry_same_key',
    async deliver(message, { idempotencyKey }) {
      await pool.query(addInboxMessage, [
        message.workspaceId,
        idempotencyKey,
        message.endUserId,
        message.title,
        message.text,
      ]);
    },
  };
}

const addInboxMessage = `
  INSERT INTO inbox_messages (workspace_id, delivery_id, end_user_id, title, text)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (workspace_id, delivery_id) DO NOTHING`;
