import { problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { zoneNamed } from '../../filter/offsets.js';
import { textFault } from '../../traits/json.js';
import { insteadOfReserved, knownTrait } from '../../traits/known-traits.js';
import type { WorkspaceSettings } from './settings.js';

/** A part that is left out stays as it is. */
export type SettingsChange = { readonly [K in keyof WorkspaceSettings]?: string | undefined };

const longestName = 200;
const longestTrait = 200;

/** The settings after a change, with everything that is wrong with it. */
export function changedSettings(
  settings: WorkspaceSettings,
  change: SettingsChange,
): { readonly settings: WorkspaceSettings; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  return {
    settings: {
      name: nameOf(change.name ?? settings.name, problems),
      zone: change.zone === undefined ? settings.zone : zoneOf(change.zone, problems),
      zone_trait: traitOf('zone_trait', change.zone_trait ?? settings.zone_trait, problems),
      language_trait: traitOf('language_trait', change.language_trait ?? settings.language_trait, problems),
    },
    problems,
  };
}

function nameOf(text: string, problems: Problem[]): string {
  const name = text.trim();
  if (name === '' || Buffer.byteLength(name) > longestName || textFault(name) !== null)
    problems.push(problem('settings_bad_name', { limit: longestName }, { path: '/name' }));
  return name;
}

function zoneOf(text: string, problems: Problem[]): string {
  const zone = zoneNamed(text);
  if (zone === null) problems.push(problem('bad_zone', { zone: shown(text) }, { path: '/zone' }));
  return zone ?? text;
}

/** A trait by its key, or as filters write it. */
function traitOf(setting: 'zone_trait' | 'language_trait', text: string, problems: Problem[]): string {
  const key = text.startsWith('custom:') ? text.slice('custom:'.length) : text;
  const refuse = (reason: string): void => {
    problems.push(problem('settings_bad_trait', { trait: shown(text), reason }, { path: `/${setting}` }));
  };
  if (key.trim() === '') refuse('it is empty');
  else if (textFault(key) !== null || Buffer.byteLength(key) > longestTrait)
    refuse(`it is longer than ${longestTrait} bytes or cannot be stored`);
  else if (insteadOfReserved(key) !== null || knownTrait(key) !== null)
    refuse('it is a dedicated column, which holds something else');
  return key;
}
