import type { Client, Pool } from '../database/pool.js';
import { inWorkspace } from '../database/workspace.js';
import { MusterError, refuse } from '../errors/index.js';
import type { ErrorCode } from '../errors/index.js';
import { retryLost } from '../traits/retry.js';
import { findParkedRecipients, readParkedRecipients, resolveRecipient } from './broadcasts/parked.js';
import type { ParkedRecipient } from './broadcasts/parked.js';
import { readOne as readBroadcast } from './broadcasts/store.js';
import { seriesByKey } from './outbox/active-series.js';
import { readParkedSteps } from './work/parked.js';
import type { ParkedStep, Resolution } from './work/parked.js';
import { findParkedSteps, resolveStep } from './work/resolve.js';

/** What nobody comes back to by themselves, of series and of broadcasts. */
export type ParkedDelivery =
  (ParkedStep & { readonly broadcast: null }) | (ParkedRecipient & { readonly series: null });

export interface ListParked {
  /** Both where left out. */
  readonly state?: ParkedStep['state'] | undefined;
  /** Only those of one series, or of one broadcast. */
  readonly series?: string | undefined;
  readonly broadcast?: string | undefined;
  /** Most of one page, 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

/**
 * The parked deliveries of a workspace: first the steps of series, then the recipients of broadcasts, the oldest first of each.
 * `next` is null on the last page; an `after` that is none begins anew.
 */
export async function listParked(
  pool: Pool,
  workspaceId: string,
  { state, series, broadcast, limit = 100, after = '' }: ListParked = {},
): Promise<{ deliveries: ParkedDelivery[]; next: string | null }> {
  const size = Math.min(Math.max(1, Math.trunc(limit)), 1000);
  const [, kind = 's', from = '0'] = /^([sb])([0-9]{1,18})$/.exec(after) ?? [];
  const found = await inWorkspace(pool, workspaceId, async (client) => {
    const ofSeries =
      kind === 's' && (broadcast === undefined || series !== undefined)
        ? await readParkedSteps(client, workspaceId, { state, series }, { after: from, limit: size + 1 })
        : [];
    const left = size + 1 - ofSeries.length;
    const ofBroadcasts =
      left > 0 && (series === undefined || broadcast !== undefined)
        ? await readParkedRecipients(
            client,
            workspaceId,
            { state, broadcast },
            { after: kind === 'b' ? from : '0', limit: left },
          )
        : [];
    return [
      ...ofSeries.map(({ place, ...step }) => ({
        place: `s${place}`,
        delivery: { ...step, broadcast: null },
      })),
      ...ofBroadcasts.map(({ place, ...recipient }) => ({
        place: `b${place}`,
        delivery: { ...recipient, series: null },
      })),
    ];
  });
  const last = found[size - 1];
  return {
    deliveries: found.slice(0, size).map(({ delivery }) => delivery),
    next: found.length > size && last !== undefined ? last.place : null,
  };
}

export interface Resolved {
  readonly id: string;
  readonly as: Resolution;
}

/**
 * Decides about a parked delivery:
 * - `retry`: it is tried again, with the same idempotency key, and what is unknown with the same content. A person who was left broken
 *   in a series stands there again; a broadcast that is completed is sending again.
 * - `delivered`: it did arrive; the person counts as contacted and, in a series, goes on.
 * - `skip`: it is not sent; in a series the person goes on as after a failure, in a broadcast they have failed. One that was given up
 *   already is just no longer shown.
 *
 * What follows is done by a worker, so that a paused series or broadcast still waits and who has left has left.
 *
 * Errors: `delivery_not_parked`; `delivery_passed` where a retry is wanted and the person has gone on without it; `recipient_gone`
 * where they are erased or the broadcast is cancelled; `delivery_never_tried` where nothing was ever sent that could have arrived.
 */
export async function resolveDelivery(
  pool: Pool,
  workspaceId: string,
  id: string,
  as: Resolution,
): Promise<Resolved> {
  return retryLost(() => inWorkspace(pool, workspaceId, (client) => resolveOne(client, workspaceId, id, as)));
}

/** Which parked deliveries are meant: those of these ids, or every one that the rest of it fits; at least one part is needed. */
export interface WhichParked {
  readonly ids?: readonly string[] | undefined;
  readonly state?: ParkedStep['state'] | undefined;
  readonly series?: string | undefined;
  readonly broadcast?: string | undefined;
  readonly channel?: string | undefined;
}

export interface ResolvedMany {
  readonly resolved: number;
  /** Those that could not be, each with the code of its refusal. */
  readonly refused: readonly { readonly id: string; readonly code: ErrorCode }[];
  /** Whether there are more of them: asking again goes on. */
  readonly more: boolean;
}

/** Deliveries that one call decides about. */
export const mostResolved = 500;

/**
 * Decides about many parked deliveries at once, `mostResolved` at most: those that can be resolved so first, and the oldest of
 * them. What cannot be is told and left as it is.
 *
 * Errors: `nothing_named` where no part says which; `series_not_found`, `broadcast_not_found`.
 */
export async function resolveDeliveries(
  pool: Pool,
  workspaceId: string,
  which: WhichParked,
  as: Resolution,
): Promise<ResolvedMany> {
  const { ids, state, series, broadcast, channel } = which;
  if ([ids, state, series, broadcast, channel].every((part) => part === undefined)) refuse('nothing_named');
  return retryLost(() =>
    inWorkspace(pool, workspaceId, async (client) => {
      await checkNames(client, workspaceId, which);
      const found = await find(client, workspaceId, which, as);
      const named = found.slice(0, mostResolved);
      const more = found.length > mostResolved;
      const gone = more ? [] : (ids ?? []).filter((id) => !found.includes(id));
      const refused: { id: string; code: ErrorCode }[] = [];
      for (const id of [...named, ...gone]) {
        try {
          await resolveOne(client, workspaceId, id, as);
        } catch (error) {
          // Refused before anything was written.
          if (!(error instanceof MusterError)) throw error;
          refused.push({ id, code: error.code });
        }
      }
      return { resolved: named.length + gone.length - refused.length, refused, more };
    }),
  );
}

/** A misspelt key would have nothing parked, and look as if all were well. */
async function checkNames(
  client: Client,
  workspaceId: string,
  { series, broadcast }: WhichParked,
): Promise<void> {
  if (series !== undefined && (await seriesByKey(client, workspaceId, series)) === null)
    refuse('series_not_found', { key: series });
  if (broadcast !== undefined) await readBroadcast(client, workspaceId, broadcast);
}

/** Their ids, one more than may be decided about where there are. */
async function find(
  client: Client,
  workspaceId: string,
  which: WhichParked,
  as: Resolution,
): Promise<string[]> {
  const { series, broadcast } = which;
  const limit = mostResolved + 1;
  const steps =
    broadcast === undefined || series !== undefined
      ? await findParkedSteps(client, workspaceId, which, as, limit)
      : [];
  const recipients =
    series === undefined || broadcast !== undefined
      ? await findParkedRecipients(client, workspaceId, which, as, limit - steps.length)
      : [];
  return [...steps, ...recipients];
}

async function resolveOne(
  client: Client,
  workspaceId: string,
  id: string,
  as: Resolution,
): Promise<Resolved> {
  if (!(await resolveRecipient(client, workspaceId, id, as))) await resolveStep(client, workspaceId, id, as);
  return { id, as };
}
