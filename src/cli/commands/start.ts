import { Command } from 'commander';
import { withDrain, withEvicting, withExamples, withJson, wholeNumber } from '../options.js';
import type { JsonOptions } from '../options.js';

/** `muster start`: migrates, starts the API and the workers, shows the main job on sample people, and serves. */
export function startCommand(): Command {
  const command = new Command('start')
    .description(
      'Migrates the database, starts the API and the workers on one port of this machine (127.0.0.1), loads a small ' +
        'sample workspace, shows on it what Muster does, and serves until Ctrl-C.',
    )
    .option('--port <number>', 'port of the API; 0 takes a free one', wholeNumber(0, 65_535), 4000)
    .option('--no-sample', 'leave the workspace empty and show nothing')
    .action(run);
  return withExamples(withJson(withEvicting(withDrain(command))), [
    ['muster start', 'on port 4000, with embedded servers'],
    ['muster start --port 8080 --no-sample', 'on another port, with an empty workspace'],
    ['muster start --json', 'one line on stdout when ready, for a program'],
  ]);
}

type Options = JsonOptions & { port: number; sample: boolean; drain: number; allowEvictingRedis?: true };

async function run({ port, sample, drain, allowEvictingRedis, json }: Options): Promise<void> {
  // Loaded here, because the help of this command must not wait for a web server and a queue.
  const { runService } = await import('../service.js');
  await runService({
    port,
    sample,
    drain,
    allowEvictingRedis: allowEvictingRedis === true,
    json: json === true,
  });
}
