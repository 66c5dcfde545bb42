import type { SettingsView } from '../../automation/index.js';
import { plain, table } from '../terminal.js';
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
