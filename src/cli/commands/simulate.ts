import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { simulate } from '../../automation/simulate.js';
import type { SimulatedMove } from '../../automation/simulate.js';
import { refuse } from '../../errors/index.js';
import type { FileFormat } from '../../traits/import.js';
import { readPeopleFile } from '../../traits/people-file.js';
import type { PeopleFile } from '../../traits/people-file.js';
import { sampleUsersCsv } from '../../traits/sample.js';
import { momentFrom, wholeNumber, withExamples, withJson, withMoment } from '../options.js';
import type { JsonOptions, MomentOptions } from '../options.js';
import { progressBar } from '../progress.js';
import { readSeries } from '../series-input.js';
import { err, number, out } from '../terminal.js';
import { simulationLines, storyLines } from '../views/simulation.js';

/** `muster simulate SERIES`: a series over virtual time, by the machine that runs in production. */
export function simulateCommand(): Command {
  const command = new Command('simulate')
    .description(
      'Lets people live through a series over days of virtual time, by the machine that runs in production. Nothing is sent and no ' +
        'server is needed. People come from a file as for `muster import`; a line of NDJSON may also hold created_at, company and ' +
        'events with their times. People without created_at are created at the start.',
    )
    .argument('<series>', 'the key of an example, a path to a JSON file, or the series itself')
    .option('--users <file>', 'the people (default: the sample people)')
    .addOption(
      new Option('--format <format>', 'when the name does not tell').choices(['csv', 'tsv', 'ndjson']),
    )
    .option('--days <count>', 'how many days, 1 to 3660', wholeNumber(1, 3660), 30)
    .option('--user <id>', 'tell what happens to this person instead')
    .action(run);
  return withExamples(withJson(withMoment(command, 'UTC')), [
    ['muster simulate onboarding', 'an example with the sample people, over 30 days'],
    ['muster simulate ./series.json --users users.csv --days 60', 'a series and people of your own'],
    ['muster simulate onboarding --user user_1001', 'what would happen to one person, and when'],
  ]);
}

type Options = MomentOptions &
  JsonOptions & { users?: string; format?: FileFormat; days: number; user?: string };

async function run(input: string, options: Options): Promise<void> {
  const moment = momentFrom(options, 'UTC');
  const series = await readSeries(input);
  const file = await peopleOf(options, moment.now);
  const { user } = options;
  const people = user === undefined ? file.people : file.people.filter(({ user_id }) => user_id === user);
  if (user !== undefined && people.length === 0) refuse('not_in_file', { user_id: user });
  const story: SimulatedMove[] = [];
  const started = performance.now();
  const report = simulate({
    series,
    people,
    from: moment.now,
    days: options.days,
    zone: moment.zone,
    ...(user === undefined ? {} : { onStory: (entry: SimulatedMove) => story.push(entry) }),
  });
  const tookMs = performance.now() - started;
  if (options.json) {
    const told =
      user === undefined
        ? {}
        : { story: story.map((entry) => ({ ...entry, at: new Date(entry.at).toISOString() })) };
    out.line(JSON.stringify({ ...report, rejected: file.rejected, ...told, took_ms: Math.round(tookMs) }));
    return;
  }
  if (file.rejected > 0) {
    const [first] = file.rejects;
    const why = first === undefined ? '' : `; line ${first.line}: ${first.problems[0]?.message ?? ''}`;
    err.line(`${number(file.rejected)} rows of the file were left out${why}`);
  }
  const lines =
    user === undefined
      ? simulationLines(out, { series, report, tookMs })
      : storyLines(out, { series, report, story });
  for (const line of lines) out.line(line);
}

async function peopleOf({ users, format }: Options, now: number): Promise<PeopleFile> {
  if (users === undefined) return samplePeople(now);
  const bar = progressBar();
  try {
    return await readPeopleFile(users, format, (done, size) => bar.update('reading', done, size));
  } finally {
    bar.stop();
  }
}

async function samplePeople(now: number): Promise<PeopleFile> {
  const folder = await mkdtemp(join(tmpdir(), 'muster-sample-'));
  try {
    const path = join(folder, 'sample.csv');
    await writeFile(path, sampleUsersCsv(now));
    return await readPeopleFile(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}
