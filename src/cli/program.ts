import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { printFailure, refusalOf } from './failure.js';
import { Found } from './found.js';
import { refuse } from '../errors/index.js';
import { nearest } from '../filter/parse/suggest.js';
import { wrapped } from './options.js';
import { err, out } from './terminal.js';

/** A command's line in the help, and how it is loaded: only the command that is asked for, so that each starts quickly. */
interface Listed {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Every command, in the order of the help. */
const commands: Readonly<Record<string, Listed>> = {
  start: {
    summary: 'start the service, with a sample workspace to look at',
    load: async () => (await import('./commands/start.js')).startCommand(),
  },
  serve: {
    summary: 'run the API alone, without workers',
    load: async () => (await import('./commands/serve.js')).serveCommand(),
  },
  worker: {
    summary: 'run the workers alone, without the API',
    load: async () => (await import('./commands/worker.js')).workerCommand(),
  },
  migrate: {
    summary: "bring the database's schema to this version",
    load: async () => (await import('./commands/migrate.js')).migrateCommand(),
  },
  keys: {
    summary: 'list, create, rotate and revoke API keys',
    load: async () => (await import('./commands/keys.js')).keysCommand(),
  },
  settings: {
    summary: 'show and change the zone of a workspace and its other settings',
    load: async () => (await import('./commands/settings.js')).settingsCommand(),
  },
  import: {
    summary: 'load people from a CSV, TSV, NDJSON or JSON file',
    load: async () => (await import('./commands/import.js')).importCommand(),
  },
  user: {
    summary: 'find people; show, export, merge and erase one; what happened to them',
    load: async () => (await import('./commands/user.js')).userCommand(),
  },
  refusals: {
    summary: 'list what was sent and could not be stored',
    load: async () => (await import('./commands/refusals.js')).refusalsCommand(),
  },
  compile: {
    summary: 'show the SQL of a filter',
    load: async () => (await import('./commands/compile.js')).compileCommand(),
  },
  preview: {
    summary: 'count an audience and each of its conditions',
    load: async () => (await import('./commands/preview.js')).previewCommand(),
  },
  explain: {
    summary: 'say why one person matches or does not',
    load: async () => (await import('./commands/explain.js')).explainCommand(),
  },
  report: {
    summary: 'say why an audience is as small as it is',
    load: async () => (await import('./commands/report.js')).reportCommand(),
  },
  rules: {
    summary: 'show what a decision rule returns for one person, and why',
    load: async () => (await import('./commands/rules.js')).rulesCommand(),
  },
  lint: {
    summary: 'find mistakes in filters, series and decision rules',
    load: async () => (await import('./commands/lint.js')).lintCommand(),
  },
  series: {
    summary: 'save, pause and look into series, and the people inside',
    load: async () => (await import('./commands/series.js')).seriesCommand(),
  },
  broadcast: {
    summary: 'count, launch and watch messages to a whole audience',
    load: async () => (await import('./commands/broadcast.js')).broadcastCommand(),
  },
  deliveries: {
    summary: 'list deliveries that failed or are unknown, and resolve them',
    load: async () => (await import('./commands/deliveries.js')).deliveriesCommand(),
  },
  schedules: {
    summary: 'list what runs on a schedule, and what its last runs did',
    load: async () => (await import('./commands/schedules.js')).schedulesCommand(),
  },
  segments: {
    summary: 'save segments, see who is in them and what an edit would do',
    load: async () => (await import('./commands/segments.js')).segmentsCommand(),
  },
  traits: {
    summary: 'list the traits that were sent',
    load: async () => (await import('./commands/traits.js')).traitsCommand(),
  },
  events: {
    summary: 'list the names of the events that were sent',
    load: async () => (await import('./commands/events.js')).eventsCommand(),
  },
  suppressions: {
    summary: 'list who nothing is sent to, and add the people of a file',
    load: async () => (await import('./commands/opt-outs.js')).suppressionsCommand(),
  },
  unsubscribes: {
    summary: 'list who unsubscribed, and add the people of a file',
    load: async () => (await import('./commands/opt-outs.js')).unsubscribesCommand(),
  },
  template: {
    summary: 'check a message against an audience, and preview it for a person',
    load: async () => (await import('./commands/template.js')).templateCommand(),
  },
  simulate: {
    summary: 'run a series over virtual time: a funnel for each step, a calendar of sends',
    load: async () => (await import('./commands/simulate.js')).simulateCommand(),
  },
};

/**
 * Runs the command line once and gives its exit code: 0 done, 1 a finding, 2 bad input, 3 a server out of reach.
 * `args` are the words after `muster`.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const words = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
  const [first = ''] = words;
  const named = Object.hasOwn(commands, first);
  let program: Command | undefined;
  try {
    if (!named && /^[^-]/.test(first)) refuseCommand(first);
    program = named ? await muster(first) : await muster();
    await program.parseAsync([...words], { from: 'user' });
    // A command that has a finding says so.
    return process.exitCode === 1 ? 1 : 0;
  } catch (error) {
    if (isAnswered(error)) return 0;
    if (error instanceof Found) return 1;
    const failure = await refusalOf(error, program === undefined ? '' : commandIn(program, words));
    printFailure(failure, { json: args.includes('--json') });
    return failure.exit;
  }
}

/** The program with the command that is named; without a name with all of them, by their lines in the help alone. */
async function muster(name?: string): Promise<Command> {
  const program = new Command('muster')
    .description('Says who is in an audience, why, and what happens to them next.')
    .version(version(), '-V, --version')
    .helpCommand(false)
    .addHelpText('after', ({ command }) => wrapped(command, examples));
  for (const [each, { summary, load }] of Object.entries(commands)) {
    if (name === undefined) program.addCommand(new Command(each).summary(summary).helpOption(false));
    else if (name === each) program.addCommand(await load());
  }
  const all = [program, ...program.commands.flatMap((each) => [each, ...each.commands])];
  for (const command of all) {
    command
      .exitOverride()
      .showSuggestionAfterError(true)
      .configureHelp({ helpWidth: Math.min(out.width, 110) })
      .configureOutput({ writeOut: out.write, writeErr: err.write, outputError: () => undefined });
  }
  return program.action(() => {
    program.outputHelp({ error: true });
    program.error('a command is missing');
  });
}

/** The words that name the command that was asked for, such as `broadcast recipients`. */
function commandIn(program: Command, words: readonly string[]): string {
  const path: string[] = [];
  let at = program;
  for (const word of words) {
    const below = at.commands.find((each) => each.name() === word);
    if (below !== undefined) {
      path.push(word);
      at = below;
    }
  }
  return path.join(' ');
}

const examples = `
Examples:
  $ muster start
      a server with a sample workspace on http://127.0.0.1:4000
  $ muster preview admins
      how many admins there are, and who the first ones are
  $ muster COMMAND --help
      the options and examples of one command

DATABASE_URL and REDIS_URL choose servers. Without them Muster starts its own, with their data in .muster/ or in the folder that MUSTER_DATA names. Exit codes: 0 done, 1 a finding or something refused, 2 bad input, 3 a server out of reach.`;

function refuseCommand(word: string): never {
  const meant = nearest(word, Object.keys(commands));
  const hint = meant === null ? {} : { hint: `did you mean \`${meant}\`? See \`muster --help\`` };
  refuse('bad_usage', { reason: `there is no command \`${word}\``, command: '' }, hint);
}

/** Help and version were printed; nothing failed. */
function isAnswered(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'commander.helpDisplayed' || error.code === 'commander.version')
  );
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const manifest: unknown = JSON.parse(text);
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : '';
}
