import { Command } from 'commander';
import { withConnections, withDrain, withExamples, withJson, wholeNumber } from '../options.js';
import { loopback } from '../port.js';
import type { ServeOptions } from '../serve.js';

/** `muster serve`: the API alone; `muster worker` does what follows from its calls. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description(
      'Runs the API and nothing in the background: series advance where `muster worker` runs. Any number of each may run ' +
        'at once on the same DATABASE_URL and REDIS_URL. The schema is not changed; run `muster migrate` first.\n\n' +
        'SIGTERM: /readyz answers 503 at once, requests are taken for the notice, and what is under way then is finished. ' +
        'A second signal ends the process at once.',
    )
    .option('--port <number>', 'port of the API; 0 takes a free one', wholeNumber(0, 65_535), 4000)
    .option('--host <address>', 'address to listen on; 0.0.0.0 for all of this machine', loopback)
    .option(
      '--notice <seconds>',
      'how long a stop goes on taking requests while /readyz refuses, at most half of --drain',
      wholeNumber(0, 3600),
      3,
    )
    .action(run);
  return withExamples(withJson(withConnections(withDrain(command))), [
    ['muster serve --port 8080', 'on another port of this machine'],
    [
      'muster serve --host 0.0.0.0 --drain 25 --notice 10',
      'behind a load balancer that asks /readyz every 5 s',
    ],
    ['muster serve --json', 'one line on stdout when ready, for a program'],
  ]);
}

async function run(options: Omit<ServeOptions, 'json'> & { json?: true }): Promise<void> {
  const { runServe } = await import('../serve.js');
  await runServe({ ...options, json: options.json === true });
}
