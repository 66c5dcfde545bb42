import type { Client } from '../../database/pool.js';
import type { Flip } from './flips.js';
import type { Tracked, TrackedSegment } from './tracked.js';

/** One round of keeping the memberships of one workspace, inside its transaction. */
export interface Keeping {
  readonly client: Client;
  readonly workspaceId: string;
  readonly zone: string;
  readonly tracked: Tracked;
  /** How far the building of those segments came that are being built; null: nobody was gone through yet. */
  readonly building: ReadonlyMap<string, string | null>;
  /** The round's instant, in milliseconds since 1970 (UTC). */
  readonly now: number;
  /** Up to when memberships follow the clock already. */
  readonly sweptTo: number;
  /** Who was asked about which segment in this round, as `pairKey` has it: they follow the clock up to now. */
  readonly asked: Set<string>;
  readonly limits: KeepingLimits;
  /** What was found, for the caller. */
  readonly flips: Flip[];
  /** Why a segment cannot be kept, by key. */
  readonly broken: Map<string, string>;
}

export interface KeepingLimits {
  /** People that one statement reads or writes. */
  readonly batch: number;
  /** Milliseconds that one statement over a whole workspace may take. */
  readonly timeoutMs: number;
}

export function pairKey(person: string, segment: string): string {
  return `${person} ${segment}`;
}

/** Whether memberships of this person are kept already: not before the building has come to them. */
export function isBuilt({ building }: Keeping, segment: TrackedSegment, person: string): boolean {
  const to = building.get(segment.key);
  return to === undefined || (to !== null && person <= to);
}
