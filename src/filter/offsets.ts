import { FixedOffsetZone, IANAZone } from 'luxon';
import type { Zone } from 'luxon';
import { longestZone, readZone } from './zone-name.js';

/** How far the clocks of zones are from UTC, by luxon, with answers kept: every calendar sum begins by asking. */

const minute = 60_000;
const quarter = 15 * minute;
const day = 86_400_000;

/**
 * The name of the zone that a text means, for luxon and everybody else, or null where it means none. Asked for each person,
 * so that answers are kept. Every zone that comes in, of a workspace, a person or a call, goes through it.
 */
export function zoneNamed(text: string): string | null {
  return known(text)?.name ?? null;
}

function known(text: string): KnownZone | null {
  let found = zones.get(text);
  if (found === undefined) {
    if (zones.size >= 2000) zones.clear();
    const name = readZone(text);
    found = name === null ? null : { name, zone: zoneOf(name), days: new Map(), quarters: new Map() };
    // What is too long to be a zone is refused at once and not kept.
    if (text.length <= 2 * longestZone) zones.set(text, found);
  }
  return found;
}

function zoneOf(name: string): Zone {
  return FixedOffsetZone.parseSpecifier(name) ?? IANAZone.create(name);
}

interface KnownZone {
  readonly name: string;
  readonly zone: Zone;
  /** Offset by day of UTC where it is the same all day; null for a day with a change. */
  readonly days: Kept;
  /** The same by quarter of an hour, for days with a change. */
  readonly quarters: Kept;
}

type Kept = Map<number, number | null>;

const zones = new Map<string, KnownZone | null>();

/** Milliseconds that the zone's clocks are ahead of UTC at an instant; of UTC itself where the text names no zone. */
export function offsetAt(instant: number, zone: string): number {
  const found = known(zone);
  if (found === null) return 0;
  return (
    steadyOffset(found, instant, day, found.days) ??
    steadyOffset(found, instant, quarter, found.quarters) ??
    offsetOf(found, instant)
  );
}

/** The offset of the whole stretch of that length around the instant; null where it changes meanwhile. */
function steadyOffset(zone: KnownZone, instant: number, length: number, kept: Kept): number | null {
  const place = Math.floor(instant / length);
  let offset = kept.get(place);
  if (offset === undefined) {
    if (kept.size >= 10_000) kept.clear();
    const start = offsetOf(zone, place * length);
    offset = start === offsetOf(zone, (place + 1) * length) ? start : null;
    kept.set(place, offset);
  }
  return offset;
}

/** Luxon counts in minutes; before zones there were offsets with seconds. */
function offsetOf({ zone }: KnownZone, instant: number): number {
  return Math.round(zone.offset(instant) * minute);
}
