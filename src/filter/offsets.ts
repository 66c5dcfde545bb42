import { IANAZone } from 'luxon';

/** How far the clocks of zones are from UTC, by luxon, with answers kept: every calendar sum begins by asking. */

const minute = 60_000;
const quarter = 15 * minute;
const day = 86_400_000;

/** Whether the text names a zone; asked for each person, so that answers are kept. */
export function isZone(zone: string): boolean {
  let known = zones.get(zone);
  if (known === undefined) {
    if (zones.size >= 2000) zones.clear();
    const valid = IANAZone.isValidZone(zone);
    known = valid ? { zone: IANAZone.create(zone), days: new Map(), quarters: new Map() } : null;
    zones.set(zone, known);
  }
  return known !== null;
}

interface KnownZone {
  readonly zone: IANAZone;
  /** Offset by day of UTC where it is the same all day; null for a day with a change. */
  readonly days: Kept;
  /** The same by quarter of an hour, for days with a change. */
  readonly quarters: Kept;
}

type Kept = Map<number, number | null>;

const zones = new Map<string, KnownZone | null>();

/** Milliseconds that the zone's clocks are ahead of UTC at an instant; of UTC itself where the text names no zone. */
export function offsetAt(instant: number, zone: string): number {
  const known = zones.get(zone) ?? (isZone(zone) ? zones.get(zone) : null);
  if (known === undefined || known === null) return 0;
  return (
    steadyOffset(known, instant, day, known.days) ??
    steadyOffset(known, instant, quarter, known.quarters) ??
    offsetOf(known, instant)
  );
}

/** The offset of the whole stretch of that length around the instant; null where it changes meanwhile. */
function steadyOffset(known: KnownZone, instant: number, length: number, kept: Kept): number | null {
  const place = Math.floor(instant / length);
  let offset = kept.get(place);
  if (offset === undefined) {
    if (kept.size >= 10_000) kept.clear();
    const start = offsetOf(known, place * length);
    offset = start === offsetOf(known, (place + 1) * length) ? start : null;
    kept.set(place, offset);
  }
  return offset;
}

/** Luxon counts in minutes; before zones there were offsets with seconds. */
function offsetOf({ zone }: KnownZone, instant: number): number {
  return Math.round(zone.offset(instant) * minute);
}
