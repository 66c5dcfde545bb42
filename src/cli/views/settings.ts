import type { SettingsView, ZoneDiff } from '../../automation/index.js';
import { people, plain, table } from '../terminal.js';
import type { Printer } from '../terminal.js';

/** The settings, one a line. */
export function settingsLines({ style }: Printer, settings: SettingsView): string[] {
  const { name, zone, zone_trait: zoneTrait, language_trait: languageTrait, sender } = settings;
  const lacks = sender.missing.length === 0 ? '' : ` (e-mail lacks ${sender.missing.join(', ')})`;
  return table([
    ['name', plain(name)],
    ['zone', plain(zone)],
    ["a person's zone", `the trait ${plain(zoneTrait)}`],
    ["a person's language", `the trait ${plain(languageTrait)}`],
    ['e-mail comes from', plain(sender.from ?? 'nobody yet') + style('dim', lacks)],
  ]).map((line) => `  ${line}`);
}

/** What another zone moves. */
export function zoneDiffLines({ from, to, waiting, schedules, segments }: ZoneDiff): string[] {
  return [
    `from ${plain(from)} to ${plain(to)}`,
    `  ${people(waiting)} inside series looked at again`,
    ...schedules.map(({ kind, key, next_at: next, next_at_then: then }) => {
      const moved = `at ${then?.toISOString() ?? 'no time'}, not at ${next?.toISOString() ?? 'no time'}`;
      return `  ${kind} ${plain(key)} comes ${next === null && then === null ? "on each person's own day" : moved}`;
    }),
    ...segments.map((key) => `  the segment ${plain(key)} is gone through anew`),
  ];
}
