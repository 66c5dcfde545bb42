import { overAudience } from '../../audience/people.js';
import type { SamplePerson, SnapshotOptions } from '../../audience/people.js';
import { sampleLimit } from '../../audience/preview.js';
import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { breakdownOf, countColumns, sumColumns } from './breakdown.js';
import type { Breakdown, CountRow } from './breakdown.js';
import { addressOf, judgedAlone, judgedPeople, sendsSql } from './judge.js';
import type { Judgement } from './judge.js';
import { verdicts } from './model.js';
import type { Verdict } from './model.js';
import { placesOf } from './places.js';
import { readDefinition } from './store.js';
import { conditionsOf, variablesOf } from './variables.js';
import { settingsOf } from './settings.js';

export interface PreviewOfBroadcast extends Breakdown {
  readonly key: string;
  /**
   * Of those to be sent to: how many have an address that another of them has too, and how many such addresses there are. Null on a
   * channel that goes by the person.
   */
  readonly shared_addresses: { readonly addresses: number; readonly people: number } | null;
  /** A few people of each verdict, by `user_id`. */
  readonly samples: Readonly<Record<Verdict, readonly SamplePerson[]>>;
  /** The instant at which it was counted, ISO 8601. A launch right then would send exactly this. */
  readonly as_of: string;
  readonly took_ms: number;
}

export interface PreviewBroadcast {
  /** People shown of each verdict, 0 to 1,000; default 5. */
  readonly sample?: number | undefined;
  /** Milliseconds since 1970 (UTC) that stand for the instant of the launch; the clock of Postgres when left out. */
  readonly now?: number | undefined;
  /** Milliseconds that one statement may take; default 60,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * What a launch would do now: counted by the statement that a launch freezes, in one snapshot.
 *
 * Errors: `broadcast_not_found`, `bad_sample`, `broadcast_zone_values`, `audience_timeout`.
 */
export async function previewBroadcast(
  pool: Pool,
  workspaceId: string,
  key: string,
  { sample = 5, now, timeoutMs = 60_000 }: PreviewBroadcast = {},
): Promise<PreviewOfBroadcast> {
  if (!Number.isInteger(sample) || sample < 0 || sample > sampleLimit)
    refuse('bad_sample', { sample: String(sample) }, { path: '/sample' });
  const started = performance.now();
  return inWorkspace(
    pool,
    workspaceId,
    async (client) => {
      const { definition } = await readDefinition(client, workspaceId, key);
      const settings = await settingsOf(client, workspaceId, now);
      const snapshot = { workspaceId, moment: { now: settings.now, zone: settings.zone }, timeoutMs };
      const places = await placesOf(client, snapshot, definition, settings);
      const variables = conditionsOf(variablesOf(definition));
      const judgement = { definition, places, variables: variables.map(({ filter }) => filter) };
      const rows = await count(client, snapshot, judgement);
      const fields = variables.map(({ field }) => field);
      return {
        key,
        ...breakdownOf(definition, fields, rows),
        shared_addresses: await sharedAddresses(client, snapshot, judgement),
        samples: await samplesOf(client, snapshot, judgement, rows, sample),
        as_of: new Date(settings.now).toISOString(),
        took_ms: Math.round((performance.now() - started) * 10) / 10,
      };
    },
    { isolation: 'repeatable read', readOnly: true },
  );
}

interface CountedRow extends CountRow {
  /** Candidates for the sample, as `placeSql` writes them. */
  readonly some: readonly (string | null)[];
}

/** A person as a text that sorts by their id and ends with the internal one: a visitor may have the id of a user. */
const placeSql = `coalesce(person, '') || ' ' || id`;
const idIn = (place: string): string => place.slice(-36);

/** Places among which the candidates of a sample are spread. */
const buckets = 8;

/**
 * Counts in one pass. The smallest id in each of a few buckets comes with it, so that a sample costs no pass of its own over a
 * million people.
 */
async function count(client: Client, snapshot: SnapshotOptions, judgement: Judgement): Promise<CountedRow[]> {
  const { definition, variables } = judgement;
  return overAudience<CountedRow>(
    client,
    snapshot,
    definition.audience,
    (parts) => `
      WITH counted AS (
        SELECT ${countColumns(variables.length)}, get_byte(uuid_send(id), 15) % ${buckets} AS bucket, min(${placeSql}) AS place
        FROM (${judgedPeople(parts, judgement)}) AS judged GROUP BY verdict, variant, bucket
      )
      SELECT ${sumColumns(variables.length)}, array_agg(place) AS some FROM counted GROUP BY verdict, variant`,
  );
}

/** Counts those who would get another's copy. A pass of its own, which a launch does not make. */
async function sharedAddresses(
  client: Client,
  snapshot: SnapshotOptions,
  judgement: Judgement,
): Promise<PreviewOfBroadcast['shared_addresses']> {
  const { definition } = judgement;
  const address = addressOf(definition);
  if (address === null) return null;
  if (definition.dedupe !== null) return { addresses: 0, people: 0 };
  const rows = await overAudience<{ addresses: number; people: number }>(
    client,
    snapshot,
    definition.audience,
    (parts) => `
      SELECT count(*)::integer AS addresses, coalesce(sum(people), 0)::integer AS people FROM (
        SELECT count(*) AS people FROM (${judgedAlone(parts, judgement, address)}) AS judged
        WHERE ${sendsSql} GROUP BY address HAVING count(*) > 1
      ) AS shared`,
  );
  return rows[0] ?? { addresses: 0, people: 0 };
}

/** A few people of each verdict. A second pass is made only where the candidates of the first are too few. */
async function samplesOf(
  client: Client,
  snapshot: SnapshotOptions,
  judgement: Judgement,
  rows: readonly CountedRow[],
  size: number,
): Promise<Record<Verdict, SamplePerson[]>> {
  const found = new Map<Verdict, string[]>();
  const wanting: Verdict[] = [];
  for (const verdict of verdicts) {
    const ours = rows.filter((row) => row.verdict === verdict);
    const candidates = ours.flatMap(({ some }) => some.filter((place) => place !== null));
    const all = ours.reduce((total, row) => total + row.count, 0);
    found.set(verdict, candidates.toSorted().slice(0, size).map(idIn));
    if (candidates.length < Math.min(all, size)) wanting.push(verdict);
  }
  if (wanting.length > 0) {
    const more = await firstPeople(client, snapshot, judgement, wanting, size);
    for (const verdict of wanting)
      found.set(
        verdict,
        more.filter((each) => each.verdict === verdict).map(({ id }) => id),
      );
  }
  return describe(client, snapshot.workspaceId, found);
}

async function firstPeople(
  client: Client,
  snapshot: SnapshotOptions,
  judgement: Judgement,
  wanting: readonly Verdict[],
  size: number,
): Promise<{ verdict: Verdict; id: string }[]> {
  return overAudience(
    client,
    snapshot,
    judgement.definition.audience,
    (parts) => `
      SELECT verdict, id FROM (
        SELECT verdict, id, person, row_number() OVER (PARTITION BY verdict ORDER BY person, id) AS place
        FROM (${judgedPeople(parts, judgement)}) AS judged WHERE verdict = ANY (${parts.bind(wanting)}::text[])
      ) AS first WHERE place <= ${size} ORDER BY person, id`,
  );
}

/** The rows of the people named, as a preview shows them. */
async function describe(
  client: Client,
  workspaceId: string,
  found: ReadonlyMap<Verdict, readonly string[]>,
): Promise<Record<Verdict, SamplePerson[]>> {
  const named = [...found.values()].flat();
  const { rows } = await client.query<SamplePerson & { id: string }>(describePeople, [workspaceId, named]);
  const people = new Map(rows.map(({ id, ...row }) => [id, row]));
  const shown = (verdict: Verdict): SamplePerson[] =>
    (found.get(verdict) ?? []).flatMap((id) => people.get(id) ?? []);
  return {
    suppressed: shown('suppressed'),
    unreachable: shown('unreachable'),
    capped: shown('capped'),
    passed: shown('passed'),
    duplicate: shown('duplicate'),
    deferred: shown('deferred'),
    will_send: shown('will_send'),
  };
}

const describePeople = `
  SELECT u.id, u.user_id, u.name, u.email FROM end_users u
  WHERE u.workspace_id = $1 AND u.id = ANY ($2::uuid[])`;
