import { randomUUID } from 'node:crypto';
import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { suggestion } from '../series/parse/check.js';
import { parseFilter } from '../../filter/parse.js';
import { personOf } from '../series/people.js';
import { deliveryId } from './delivery-id.js';
import { freezeRun } from './freeze.js';
import type { BroadcastDefinition, Variant } from './model.js';
import { placesOf } from './places.js';
import { refuseUnsendable } from './refuse-launch.js';
import { settingsOf } from './settings.js';
import { readDefinition } from './store.js';

export interface TestSend {
  readonly userId: string;
  /** The variant to send; the one that the person would get when left out. */
  readonly variant?: string | undefined;
}

export interface TestSent {
  readonly key: string;
  /** The run that it is: its report and its recipient tell what became of it. */
  readonly run: string;
  readonly user_id: string;
  /** Id of the delivery, which the channel sees as the idempotency key. */
  readonly delivery: string;
  /** Merge tags without a fallback that this person has no value for. */
  readonly without: readonly string[];
}

/**
 * Sends a broadcast to one person now, in the audience or not, launched or not. Hours, caps, rate and schedule do not hold;
 * whom nothing may be sent to is not sent a test either. It is a run of its own, which the broadcast's state leaves out.
 *
 * Errors: `broadcast_not_found`, `no_such_user`, `unknown_variant`, `broadcast_nobody_to_send`.
 */
export async function testBroadcast(
  pool: Pool,
  workspaceId: string,
  key: string,
  { userId, variant }: TestSend,
): Promise<TestSent> {
  return inWorkspace(pool, workspaceId, async (client) => {
    const { definition } = await readDefinition(client, workspaceId, key);
    await personOf(client, workspaceId, userId);
    const test = testOf(definition, userId, variant);
    const settings = await settingsOf(client, workspaceId);
    const moment = { now: settings.now, zone: settings.zone };
    const snapshot = { workspaceId, moment, timeoutMs: 30_000 };
    const places = await placesOf(client, snapshot, test, settings);
    const run = `test-${randomUUID()}`;
    const { breakdown, deliveryBase } = await freezeRun(client, snapshot, {
      definition: test,
      places,
      run,
      test: true,
    });
    refuseUnsendable(test, breakdown, []);
    return {
      key,
      run,
      user_id: userId,
      delivery: deliveryId(deliveryBase, 1),
      without: breakdown.variables.filter(({ without }) => without > 0).map(({ field }) => field),
    };
  });
}

function testOf(
  definition: BroadcastDefinition,
  userId: string,
  variant: string | undefined,
): BroadcastDefinition {
  const { frequency_caps: _caps, rate_limit: _rate, schedule: _schedule, ...source } = definition.source;
  return {
    ...definition,
    audience: parseFilter({ '==': [{ var: 'user_id' }, userId] }),
    variants: variant === undefined ? definition.variants : [{ ...named(definition, variant), percent: 100 }],
    quietHours: null,
    sendWindow: null,
    frequencyCaps: [],
    rateLimit: null,
    schedule: { kind: 'now' },
    source,
  };
}

function named({ variants }: BroadcastDefinition, variant: string): Variant {
  const keys = variants.map(({ key }) => key);
  const hint = suggestion(variant, keys);
  return (
    variants.find(({ key }) => key === variant) ??
    refuse(
      'unknown_variant',
      { variant: shown(variant), known: keys.map((key) => `\`${key}\``).join(', ') },
      { path: '/variant', ...(hint === undefined ? {} : { hint }) },
    )
  );
}
