import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished, pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { from as copyFrom } from 'pg-copy-streams';
import { migrate } from '../src/database/migrate.js';
import { openPool } from '../src/database/pool.js';
import type { Pool } from '../src/database/pool.js';
import { startEmbedded } from '../src/embedded/index.js';
import { loadTraitCatalogue } from '../src/traits/catalogue/load.js';
import { importUsers } from '../src/traits/index.js';
import { median, printTable } from './table.js';

/**
 * Two questions about `importUsers` of a CSV file.
 *
 * How fast, against a bare COPY of the same people into the same indexed table, emptied in between.
 * The COPY gets its file ready-made, in Postgres' own text format, checks, types and merges nothing, and keeps no trait
 * catalogue, since its triggers are off: it is the ceiling. The import keeps the catalogue. It runs in a process of its own, whose peak memory is reported.
 *
 * With `--memory`, whether its memory grows with the file: one import whose resident memory is looked at all along, with
 * every index and the catalogue on. The people are generated while the file is written, so that nothing else holds them.
 * That takes no quiet machine.
 */
const { values: options } = parseArgs({
  options: {
    rows: { type: 'string' },
    memory: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    child: { type: 'string' },
    file: { type: 'string' },
  },
});

const workspaceId = 'bench';
const rows = Number(options.rows ?? (options.memory ? 10_000_000 : 1_000_000));

interface Imported {
  ms: number;
  /** Bytes, of the whole process at its largest. */
  peak: number;
}

/** One look at the importing process. */
interface Sample {
  phase: 'reading' | 'loading';
  /** Share of the file that the phase has read. */
  read: number;
  /** Bytes of resident memory. */
  rss: number;
}

if (options.child !== undefined) await importInChild(options.child, options.file ?? '');
else if (options.memory) await watchMemory();
else await compare();

async function importInChild(url: string, file: string): Promise<void> {
  const pool = await openPool(url);
  const start = performance.now();
  const sample: Sample = { phase: 'reading', read: 0, rss: 0 };
  const look = (): void => void process.send?.({ ...sample, rss: process.memoryUsage.rss() });
  const timer = options.memory ? setInterval(look, 500) : undefined;
  await importUsers(pool, {
    workspaceId,
    source: file,
    map: { 'Customer ID': 'user_id', 'Full Name': 'name', 'E-Mail': 'email', Seats: 'seats' },
    onProgress: (phase, done, total) => Object.assign(sample, { phase, read: done / total }),
  });
  const ms = performance.now() - start;
  clearInterval(timer);
  await pool.end();
  // In kibibytes on every system.
  process.send?.({ ms, peak: process.resourceUsage().maxRSS * 1024 });
}

async function compare(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const embedded = await startEmbedded({ dataDir, postgres: true, redis: false });
  const url = embedded.databaseUrl ?? '';
  const pool = await openPool(url);
  try {
    await migrate(pool);
    process.stderr.write(`writing ${rows} people ...\n`);
    const csv = join(dataDir, 'people.csv');
    const text = join(dataDir, 'people.copy');
    await writeFiles(csv, text);
    // In turn, twice: whoever comes first would otherwise find everything cold.
    const copies: number[] = [];
    const imports: Imported[] = [];
    for (let round = 0; round < 2; round += 1) {
      await empty(pool);
      copies.push(await bareCopy(pool, text));
      await expectPeople(pool, 'the bare COPY');
      await empty(pool);
      imports.push(await imported(url, csv));
      await expectPeople(pool, 'the import');
      await expectCatalogue(pool);
    }
    const copy = Math.min(...copies);
    const best = Math.min(...imports.map(({ ms }) => ms));
    const peak = Math.max(...imports.map((each) => each.peak)) / 2 ** 20;
    const share = (copy / best) * 100;
    printTable(
      `Import of ${rows} people (${(statSync(csv).size / 2 ** 20).toFixed(0)} MiB of CSV), the better of two rounds in turn`,
      [
        {
          what: 'bare COPY',
          'rows/s': Math.round(rows / (copy / 1000)),
          '% of COPY': 100,
          'peak MiB': '',
          goal: '',
          reached: '',
        },
        {
          what: 'muster import',
          'rows/s': Math.round(rows / (best / 1000)),
          '% of COPY': Number(share.toFixed(1)),
          'peak MiB': Math.round(peak),
          goal: '>= 50 %, < 200 MiB',
          reached: share >= 50 && peak < 200,
        },
      ],
      options.json,
    );
  } finally {
    await pool.end();
    await embedded.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function watchMemory(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const embedded = await startEmbedded({ dataDir, postgres: true, redis: false });
  const url = embedded.databaseUrl ?? '';
  const pool = await openPool(url);
  try {
    await migrate(pool);
    process.stderr.write(`writing ${rows} people ...\n`);
    const csv = join(dataDir, 'people.csv');
    await writeFiles(csv);
    const samples: Sample[] = [];
    let told = '';
    const { ms, peak } = await imported(url, csv, (sample) => {
      samples.push(sample);
      // Once a hundredth, so that a run of an hour can be followed.
      const at = `${sample.phase} ${Math.floor(sample.read * 100)} %`;
      if (at === told) return;
      told = at;
      process.stderr.write(`${at}: ${mebibytes(sample.rss)} MiB\n`);
    });
    await expectPeople(pool, 'the import');
    await expectCatalogue(pool);
    printMemory(samples, peak, ms, statSync(csv).size);
  } finally {
    await pool.end();
    await embedded.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Flat is: the last tenth of the load needs at most a tenth more than the second, by which everything is warm. */
function printMemory(samples: readonly Sample[], peak: number, ms: number, size: number): void {
  const tenths = Array.from({ length: 10 }, (_, tenth) =>
    samples
      .filter(({ phase, read }) => phase === 'loading' && Math.min(9, Math.floor(read * 10)) === tenth)
      .map(({ rss }) => rss),
  );
  const reading = samples.filter(({ phase }) => phase === 'reading').map(({ rss }) => rss);
  const warm = Math.max(...(tenths[1] ?? []));
  const last = Math.max(...(tenths[9] ?? []));
  const grown = (last / warm - 1) * 100;
  const table = [
    ['reading', reading] as const,
    ...tenths.map((rss, at) => [`loading, tenth ${at + 1}`, rss] as const),
  ]
    .filter(([, rss]) => rss.length > 0)
    .map(([what, rss]) => ({
      what,
      looks: rss.length,
      'median MiB': mebibytes(median(rss)),
      'largest MiB': mebibytes(Math.max(...rss)),
    }));
  printTable(
    `Resident memory of an import of ${rows} people (${mebibytes(size)} MiB of CSV), ${Math.round(ms / 1000)} s, ` +
      `peak ${mebibytes(peak)} MiB; the last tenth against the second: ${grown.toFixed(1)} % (goal: <= 10 %, ` +
      `${grown <= 10 ? 'reached' : 'not reached'})`,
    table,
    options.json,
  );
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

async function empty(pool: Pool): Promise<void> {
  await pool.query('TRUNCATE end_users, traits, trait_types, trait_changes CASCADE');
  await pool.query('CHECKPOINT');
}

/** Checks the result before a time counts: everybody is there, and typed values are found by an index. */
async function expectPeople(pool: Pool, who: string): Promise<void> {
  const { rows: found } = await pool.query<{ people: string; chosen: string }>(
    `SELECT count(*) AS people, count(*) FILTER (WHERE custom_fields @> '{"role": "admin", "seats": 5}') AS chosen
     FROM end_users WHERE workspace_id = $1 AND signed_up_at IS NOT NULL`,
    [workspaceId],
  );
  let expected = 0;
  for (let i = 0; i < rows; i += 1) if (roleOf(i) === 'admin' && seatsOf(i) === 5) expected += 1;
  const { people, chosen } = found[0] ?? { people: '0', chosen: '0' };
  if (Number(people) !== rows || Number(chosen) !== expected) {
    throw new Error(
      `${who} left ${people} people, ${chosen} of them chosen; expected ${rows} and ${expected}`,
    );
  }
}

async function expectCatalogue(pool: Pool): Promise<void> {
  const traits = await loadTraitCatalogue(pool, workspaceId);
  const wrong = traits.filter(({ users }) => users !== rows);
  if (traits.length !== 9 || wrong.length > 0) {
    throw new Error(`the catalogue has ${traits.length} traits, ${wrong.length} of them miscounted`);
  }
}

function roleOf(i: number): string {
  return i % 10 === 0 ? 'admin' : 'member';
}

function seatsOf(i: number): number {
  return (i * 7919 + 5) % 101;
}

/** The same people as CSV of another product, whose columns are mapped and whose cells are read, and, where asked for, as the text that COPY takes, with the custom fields as finished JSON. */
async function writeFiles(csv: string, text?: string): Promise<void> {
  const csvFile = createWriteStream(csv);
  const textFile = text === undefined ? null : createWriteStream(text);
  csvFile.write('Customer ID,Full Name,E-Mail,Signed Up At,role,plan,Seats,country,feature_flags,beta\n');
  const start = Date.UTC(2024, 0, 1);
  for (let i = 0; i < rows; i += 1) {
    const id = `user_${i}`;
    const email = `person.${i}@example.com`;
    const at = new Date(start + i * 60_000).toISOString();
    // As spreadsheets and databases write it.
    const written = at.slice(0, 19).replace('T', ' ');
    const plan = ['free', 'pro', 'team'][i % 3] ?? '';
    const beta = i % 4 === 0;
    const flags = 'beta_dashboard,new_analytics';
    const custom = `{"role":"${roleOf(i)}","plan":"${plan}","seats":${seatsOf(i)},"country":"c${i % 200}","feature_flags":"${flags}","beta":${beta}}`;
    const more = csvFile.write(
      `${id},Person ${i},${email},${written},${roleOf(i)},${plan},${seatsOf(i)}.00,c${i % 200},"${flags}",${beta ? 'TRUE' : 'FALSE'}\n`,
    );
    textFile?.write(`${workspaceId}\t${id}\tPerson ${i}\t${email}\t${at}\t${custom}\n`);
    if (!more) await once(csvFile, 'drain');
  }
  csvFile.end();
  textFile?.end();
  await Promise.all([finished(csvFile), textFile === null ? undefined : finished(textFile)]);
}

async function bareCopy(pool: Pool, text: string): Promise<number> {
  const client = await pool.connect();
  try {
    // The triggers of the catalogue; constraints and indexes stay.
    await client.query('ALTER TABLE end_users DISABLE TRIGGER USER');
    const start = performance.now();
    const copy = client.query(
      copyFrom('COPY end_users (workspace_id, user_id, name, email, signed_up_at, custom_fields) FROM STDIN'),
    );
    await pipeline(createReadStream(text, { highWaterMark: 262_144 }), copy);
    return performance.now() - start;
  } finally {
    await client.query('ALTER TABLE end_users ENABLE TRIGGER USER');
    client.release();
  }
}

function imported(url: string, file: string, onSample?: (sample: Sample) => void): Promise<Imported> {
  return new Promise((resolve, reject) => {
    const memory = onSample === undefined ? [] : ['--memory'];
    const child = fork(fileURLToPath(import.meta.url), ['--child', url, '--file', file, ...memory]);
    child.on('message', (message) => {
      if (isImported(message)) resolve(message);
      else if (isSample(message)) onSample?.(message);
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the import ended with exit code ${code} and no answer`)));
  });
}

function isImported(message: unknown): message is Imported {
  return typeof message === 'object' && message !== null && 'ms' in message && 'peak' in message;
}

function isSample(message: unknown): message is Sample {
  return typeof message === 'object' && message !== null && 'phase' in message && 'rss' in message;
}
