import { DatabaseError } from 'pg';
import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { textFault } from '../../traits/json.js';
import { unlessAborted } from './abort.js';
import { DeliveryRefused } from './channel.js';
import type { Channel } from './channel.js';

/**
 * The in-app inbox: a row of `inbox_messages`, unique by delivery.
 *
 * The open window: the row may be there although the answer was lost. The repeat meets it and changes nothing, so that
 * the person sees one message.
 */
export function inboxChannel(pool: Pool): Channel {
  return {
    name: 'inbox',
    onLostConfirmation: 'retry_same_key',
    onRepeat: 'absorbed',
    async deliver(message, { idempotencyKey, signal }) {
      const { workspaceId, endUserId, title, text } = message;
      // A driver would put U+FFFD in the place of half a character without a word.
      const fault = textFault(`${title ?? ''}\n${text}`);
      if (fault !== null) throw new DeliveryRefused(`the text cannot be stored: it holds ${fault}`);
      const row = [workspaceId, idempotencyKey, endUserId, title, text];
      try {
        await unlessAborted(signal, () =>
          inWorkspace(pool, workspaceId, (client) => client.query(addInboxMessage, row)),
        );
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== foreignKeyMissing) throw error;
        throw new DeliveryRefused('the person is no longer there', { cause: error });
      }
    },
  };
}

const foreignKeyMissing = '23503';

const addInboxMessage = `
  INSERT INTO inbox_messages (workspace_id, delivery_id, end_user_id, title, text)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (workspace_id, delivery_id) DO NOTHING`;
