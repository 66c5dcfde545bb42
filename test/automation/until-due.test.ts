import { expect, it } from 'vitest';
import { untilDue } from '../../src/automation/work/until-due.js';

const claim = { workspace: 'w', work: 'x', token: 't', abort: () => undefined, sending: false };
const of = ({ signal }: AbortController) => ({ ...claim, signal });

it('a claim that is due is held, and one that is given up before it is due is not', async () => {
  const held = new AbortController();
  expect(await untilDue({ now: 5, dueAt: 5 }, of(held))).toBe(true);
  expect(await untilDue({ now: 5, dueAt: 6 }, of(held))).toBe(true);
  const waiting = untilDue({ now: 0, dueAt: 3_600_000 }, of(held));
  held.abort();
  expect(await waiting).toBe(false);
  expect(await untilDue({ now: 5, dueAt: 5 }, of(held))).toBe(false);
});
