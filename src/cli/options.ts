import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { momentOf } from '../filter/time.js';
import type { Moment } from '../filter/time.js';
import { defaultDrain } from './stopping.js';

export interface MomentOptions {
  readonly now?: string;
  readonly zone?: string;
}

export interface WorkspaceOptions {
  readonly workspace: string;
}

export interface JsonOptions {
  readonly json?: true;
}

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document, for programs');
}

/** Adds `--now` and `--zone`, which fix the instant that relative times are counted from. */
export function withMoment(command: Command, zoneDefault: string): Command {
  return command
    .option('--now <iso>', 'the instant that stands for now, in ISO 8601 (default: the clock)')
    .option('--zone <iana>', `the zone of calendar units, such as Europe/Berlin (default: ${zoneDefault})`);
}

/** Adds `--workspace`. */
export function withWorkspace(command: Command): Command {
  return command.addOption(
    new Option('--workspace <id>', 'whose people').default('sample').argParser(workspaceId),
  );
}

/** Adds `--user`, whose text `findPerson` takes for a person. */
export function withUser(command: Command): Command {
  return command.requiredOption('--user <who>', personMeant);
}

/** What names a person everywhere on the command line. */
export const personMeant = 'a user_id, or the e-mail address of one person';

/** Adds `--drain`. */
export function withDrain(command: Command): Command {
  return command.option(
    '--drain <seconds>',
    'how long a stop may take to finish what is under way',
    wholeNumber(0, 3600),
    defaultDrain,
  );
}

/** Adds `--allow-evicting-redis`. */
export function withEvicting(command: Command): Command {
  return command.option(
    '--allow-evicting-redis',
    'run on a Redis that may throw jobs away when its memory is full; steps may then come late',
  );
}

/** Adds `--connections`. */
export function withConnections(command: Command): Command {
  return command.option(
    '--connections <number>',
    'most connections to Postgres at once',
    wholeNumber(2, 1000),
    10,
  );
}

/** The moment that the options fix; Errors: `bad_now`, `bad_zone`. */
export function momentFrom(options: MomentOptions, zone: string): Moment {
  return momentOf(options.now ?? Date.now(), options.zone ?? zone);
}

function workspaceId(text: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(text)) {
    throw new InvalidArgumentError(
      'A workspace id is up to 63 of a-z, 0-9 and -, and begins with a letter or digit.',
    );
  }
  return text;
}

/** Whole numbers of an option, both ends included. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN;
    if (!(value >= low && value <= high))
      throw new InvalidArgumentError(`Give a whole number from ${low} to ${high}.`);
    return value;
  };
}

/** Examples below a command's help. */
export function withExamples(command: Command, examples: readonly (readonly [string, string])[]): Command {
  const lines = examples.map(([line, meaning]) => `  $ ${line}\n      ${meaning}`);
  const text = `\nExamples:\n${lines.join('\n')}\n`;
  return command.addHelpText('after', (help) => wrapped(help.command, text));
}

/** Text below a command's help, broken at the width of the help; lines of examples (`$ ...`) stay whole, to be copied. */
export function wrapped(command: Command, text: string): string {
  const help = command.createHelp();
  const width = command.configureHelp().helpWidth ?? 80;
  return text
    .split('\n')
    .map((line) => {
      if (/^ *\$ /.test(line)) return line;
      const indent = /^ */.exec(line)?.[0] ?? '';
      return help.boxWrap(line.trimStart(), width - indent.length).replaceAll(/^/gm, indent);
    })
    .join('\n');
}
