import { IANAZone } from 'luxon';

/** How far the clocks of zones are from UTC, by luxon, with answers kept: every calendar sum begins by asking. */

const minute = 60_000;
const day = 86_400_000;

/** Whether the text names a zone; asked for each person, so that answers are kept. */
export function isZone(zone: string): boolean {
  let known = zones.get(zone);
  if (known === undefined) {
    if (zones.size >= 2000) zones.clear();
    const valid = IANAZone.isValidZone(zone);
    known = valid ? { zone: IANAZone.create(zone), days: new Map() } : null;
    zones.set(zone, known);
  }
  return known !== null;
}

interface KnownZone {
  readonly zone: IANAZone;
  /** Offset by day of UTC where it is the same all day; null for a day with a change. */
  readonly days: Map<number, number | null>;
}

const zones = new Map<string, KnownZone | null>();

/** Milliseconds that the zone's clocks are ahead of UTC at an instant; of UTC itself where the text names no zone. */
export function offsetAt(instant: number, zone: string): number {
  if (!isZone(zone)) return 0;
  const known = zones.get(zone);
  if (known === undefined || known === null) return 0;
  const date = Math.floor(instant / day);
  let offset = known.days.get(date);
  if (offset === undefined) {
    if (known.days.size >= 10_000) known.days.clear();
    const start = offsetOf(known, date * day);
    offset = start === offsetOf(known, (date + 1) * day) ? start : null;
    known.days.set(date, offset);
  }
  return offset ?? offsetOf(known, instant);
}

/** Luxon counts in minutes; before zones there were offsets with seconds. */
function offsetOf({ zone }: KnownZone, instant: number): number {
  return Math.round(zone.offset(instant) * minute);
}
