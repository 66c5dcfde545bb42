import { Command } from 'commander';
import { diffZone, getSettings, installationEmail, saveSettings } from '../../automation/index.js';
import type { SettingsChange, SettingsView } from '../../automation/index.js';
import { refuse } from '../../errors/index.js';
import { withExamples, withJson, withWorkspace } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { settingsLines, zoneDiffLines } from '../views/settings.js';

type Options = WorkspaceOptions & JsonOptions;

/** `muster settings show|set`: the zone of a workspace and what else it decides for all that it does. */
export function settingsCommand(): Command {
  const command = new Command('settings').description(
    'The settings of a workspace: its name, the zone in which it counts its days, and the traits that hold the zone and the ' +
      'language of each person.',
  );
  command.addCommand(part('show', 'Shows the settings.').action(show), { isDefault: true });
  command.addCommand(
    part('set', 'Changes the settings that are named; the others stay as they are.')
      .option('--name <name>', 'the name of the workspace')
      .option('--zone <zone>', 'its zone: an IANA name such as Europe/Berlin, or an offset such as UTC+2')
      .option('--zone-trait <key>', "the custom trait that holds a person's zone")
      .option('--language-trait <key>', "the custom trait that holds a person's language")
      .option('--confirm', 'although another zone moves people, schedules or segments')
      .action(set),
  );
  command.addCommand(
    part('diff', 'Says what another zone would move; changes nothing.')
      .requiredOption(
        '--zone <zone>',
        'the zone: an IANA name such as Europe/Berlin, or an offset such as UTC+2',
      )
      .action(diff),
  );
  return withExamples(command, [
    ['muster settings', 'what is set in the workspace sample'],
    ['muster settings diff --zone Europe/Berlin', 'the people, schedules and segments that it would move'],
    ['muster settings set --zone Europe/Berlin', 'from now on days begin at midnight in Berlin'],
    ['muster settings set --zone-trait tz --workspace acme', 'people say where they are in the trait `tz`'],
  ]);
}

/** One of the commands below `settings`. */
function part(name: string, summary: string): Command {
  return withJson(withWorkspace(new Command(name).description(summary)));
}

function print(settings: SettingsView, { json }: Options): void {
  if (json) out.line(JSON.stringify(settings));
  else for (const line of settingsLines(out, settings)) out.line(line);
}

async function show(options: Options): Promise<void> {
  const email = installationEmail(process.env);
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    print(await getSettings(pool, options.workspace, email), options);
  });
}

interface SetOptions extends Options {
  readonly name?: string;
  readonly zone?: string;
  readonly zoneTrait?: string;
  readonly languageTrait?: string;
  readonly confirm?: true;
}

async function set(options: SetOptions): Promise<void> {
  const { name, zone, zoneTrait, languageTrait, confirm } = options;
  const change: SettingsChange = { name, zone, zone_trait: zoneTrait, language_trait: languageTrait };
  if (Object.values(change).every((value) => value === undefined))
    refuse('bad_usage', { reason: 'name a setting to change', command: 'settings set ' });
  const email = installationEmail(process.env);
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    print(await saveSettings(pool, options.workspace, { change, email, confirm }), options);
  });
}

async function diff(options: Options & { zone: string }): Promise<void> {
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const moves = await diffZone(pool, options.workspace, options.zone);
    if (options.json) out.line(JSON.stringify(moves));
    else for (const line of zoneDiffLines(moves)) out.line(line);
  });
}
