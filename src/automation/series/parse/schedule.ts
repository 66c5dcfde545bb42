import { zoneNamed } from '../../../filter/offsets.js';
import { shown } from '../../../filter/parse/context.js';
import { catchUps, seriesLimits } from '../grammar.js';
import type { CatchUp, Schedule } from '../model.js';
import { cronFault } from '../triggers.js';
import { own } from './check.js';
import type { Check, Document } from './check.js';

/** `cron`, `zone` and `catch_up` of whatever recurs; null where one of them is refused. Other keys are the caller's. */
export function schedulePartsOf(check: Check, document: Document, path: string): Schedule | null {
  const cron = cronOf(check, own(document, 'cron'), `${path}/cron`);
  const zone =
    own(document, 'zone') === undefined ? undefined : zoneOf(check, own(document, 'zone'), `${path}/zone`);
  const catchUp = catchUpOf(check, own(document, 'catch_up'), `${path}/catch_up`);
  return cron === null || zone === null || catchUp === null ? null : { cron, zone: zone ?? null, catchUp };
}

function cronOf(check: Check, input: unknown, at: string): string | null {
  const cron = check.text(input, at, 'a schedule of five fields', seriesLimits.cronBytes, '"0 9 * * 1"');
  if (cron === null) return null;
  const fault = cronFault(cron);
  return fault === null ? cron : check.report('bad_schedule', { cron: shown(cron), fault }, at);
}

function zoneOf(check: Check, input: unknown, at: string): string | null {
  if (typeof input !== 'string') return check.expected('a time zone', input, at, '"Europe/Berlin"');
  return zoneNamed(input) ?? check.report('bad_zone', { zone: shown(input) }, at);
}

function catchUpOf(check: Check, input: unknown, at: string): CatchUp | null {
  return input === undefined ? catchUps[0] : check.word(input, at, catchUps);
}
