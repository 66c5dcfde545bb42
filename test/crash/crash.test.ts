import { Agent, request } from 'node:http';
import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { newKey, storeKey } from '../../src/server/keys.js';
import { pause } from '../../src/embedded/processes.js';
import { testDatabase } from '../support/database.js';
import { callOf, kinds, randomFrom } from './calls.js';
import type { Call } from './calls.js';
import { servingProcesses } from './processes.js';
import { halvesOf, missingOf, promisedBy } from './state.js';

const workspaceId = 'w';
const key = newKey('secret', workspaceId);
const kills = 100;
/** Calls under way at once, over as many connections. */
const atOnce = 8;
const seed = Number(process.env['MUSTER_SEED'] ?? 20_261_121);

let pool: Pool;
let url: string;
beforeAll(async () => {
  ({ pool, url } = await testDatabase());
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)`, [workspaceId]);
  await storeKey(pool, { key, kind: 'secret', workspaceId });
});

it(`an API killed ${kills} times under load keeps what it answered for, leaves nothing by half, and repeats bring the rest, once (seed ${seed})`, async () => {
  const random = randomFrom(seed);
  const servings = await servingProcesses(url);
  const answered: Call[] = [];
  let unanswered: Call[] = [];
  /** Of what calls promise that a kill left without an answer. */
  const found = { committed: 0, lost: 0 };
  let number = 0;

  for (let round = 0; round < kills; round += 1) {
    const serving = await servings.next();
    const lost = (await missingOf(pool, workspaceId, unanswered)).length;
    found.lost += lost;
    found.committed += promisedBy(unanswered) - lost;
    // What got no answer comes again, among new calls.
    const [kind, other] = [random(kinds), random(kinds)];
    const calls = [...unanswered];
    while (calls.length < atOnce + 4)
      calls.push(callOf((number += 1), random(2) === 0 ? kind : other, random));
    const killAfter = random(12);
    const delay = random(4);
    let answers = 0;
    let killed: Promise<void> | undefined;
    const kill = (): void => {
      killed ??= pause(delay).then(() => serving.kill());
    };
    const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
    unanswered = [];
    const wrong: string[] = [];
    await Promise.all(
      calls.map(async (call) => {
        const status = await send(agent, serving.url, call);
        if (status === null) {
          unanswered.push(call);
          return;
        }
        if (status !== 200) wrong.push(`${call.path} answered ${status}`);
        answered.push(call);
        answers += 1;
        if (answers > killAfter) kill();
      }),
    );
    kill();
    await killed;
    agent.destroy();
    expect(wrong, `round ${round}`).toEqual([]);
    expect(await missingOf(pool, workspaceId, answered.slice(-answers)), `round ${round}`).toEqual([]);
    expect(await halvesOf(pool, workspaceId), `round ${round}`).toEqual([]);
  }

  const last = await servings.next();
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const statuses = await Promise.all(unanswered.map((call) => send(agent, last.url, call)));
  agent.destroy();
  await last.kill();
  await servings.stop();
  // Where the last kill left no call without an answer, nothing comes again.
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  expect(await missingOf(pool, workspaceId, [...answered, ...unanswered])).toEqual([]);
  expect(await halvesOf(pool, workspaceId)).toEqual([]);
  // The kills fell on both sides of the commit; on one side alone they would have shown nothing.
  expect([found.committed > 0, found.lost > 0]).toEqual([true, true]);
}, 600_000);

/** The status of the answer, or null where the connection ended without one. */
function send(agent: Agent, to: string, { path, body }: Call): Promise<number | null> {
  return new Promise((resolve) => {
    const call = request(`${to}${path}`, {
      method: 'POST',
      agent,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    });
    call.on('response', (answer) => {
      answer.on('error', () => undefined);
      answer.resume();
      resolve(answer.statusCode ?? null);
    });
    call.on('error', () => resolve(null));
    call.end(JSON.stringify(body));
  });
}
