import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { printFailure, refusalOf } from './failure.js';
import { Found } from './found.js';
import { refuse } from '../errors/index.js';
import { nearest } from '../filter/parse/suggest.js';
import { err, out } from './terminal.js';

/** Every command, in the order of the help. Only the one that is asked for is loaded, so that each starts quickly. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.js')).startCommand(),
  serve: async () => (await import('./commands/serve.js')).serveCommand(),
  worker: async () => (await import('./commands/worker.js')).workerCommand(),
  migrate: async () => (await import('./commands/migrate.js')).migrateCommand(),
  keys: async () => (await import('./commands/keys.js')).keysCommand(),
  import: async () => (await import('./commands/import.js')).importCommand(),
  compile: async () => (await import('./commands/compile.js')).compileCommand(),
  preview: async () => (await import('./commands/preview.js')).previewCommand(),
  explain: async () => (await import('./commands/explain.js')).explainCommand(),
  report: async () => (await import('./commands/report.js')).reportCommand(),
  rules: async () => (await import('./commands/rules.js')).rulesCommand(),
  lint: async () => (await import('./commands/lint.js')).lintCommand(),
  series: async () => (await import('./commands/series.js')).seriesCommand(),
  broadcast: async () => (await import('./commands/broadcast.js')).broadcastCommand(),
  deliveries: async () => (await import('./commands/deliveries.js')).deliveriesCommand(),
  schedules: async () => (await import('./commands/schedules.js')).schedulesCommand(),
  segments: async () => (await import('./commands/segments.js')).segmentsCommand(),
  traits: async () => (await import('./commands/traits.js')).traitsCommand(),
  template: async () => (await import('./commands/template.js')).templateCommand(),
  simulate: async () => (await import('./commands/simulate.js')).simulateCommand(),
};

/**
 * Runs the command line once and gives its exit code: 0 done, 1 a finding, 2 bad input, 3 a server out of reach.
 * `args` are the words after `muster`.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const [first = ''] = args;
  const named = Object.hasOwn(commands, first);
  try {
    if (!named && /^[^-]/.test(first)) refuseCommand(first);
    const program = await muster(named ? [first] : Object.keys(commands));
    await program.parseAsync([...args], { from: 'user' });
    // A command that has a finding says so.
    return process.exitCode === 1 ? 1 : 0;
  } catch (error) {
    if (isAnswered(error)) return 0;
    if (error instanceof Found) return 1;
    const failure = refusalOf(error, named ? first : '');
    printFailure(failure, { json: args.includes('--json') });
    return failure.exit;
  }
}

async function muster(names: readonly string[]): Promise<Command> {
  const program = new Command('muster')
    .description('Says who is in an audience, why, and what happens to them next.')
    .version(version(), '-V, --version')
    .helpCommand(false)
    .addHelpText('after', examples);
  for (const name of names) {
    const command = await commands[name]?.();
    if (command !== undefined) program.addCommand(command);
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

const examples = `
Examples:
  $ muster start
      a server with a sample workspace on http://127.0.0.1:4000
  $ muster preview admins
      how many admins there are, and who the first ones are
  $ muster COMMAND --help
      the options and examples of one command

DATABASE_URL and REDIS_URL choose servers; without them embedded ones are started, with their data in .muster/ or in
the folder that MUSTER_DATA names. Exit codes: 0 done, 1 a finding, 2 bad input, 3 a server out of reach.`;

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
