import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { jobIdOf, mostSteps, readSlice, sliceOf } from '../../src/automation/work/job.js';
import { roomFor } from '../../src/automation/work/room.js';
import { slicesOf } from '../../src/automation/work/slices.js';
import type { DueJob } from '../../src/automation/work/take-due.js';

const taken: fc.Arbitrary<DueJob[]> = fc
  .array(
    fc.record({ epoch: fc.constantFrom(1, 1, 1, 2, 7), delay: fc.constantFrom(0, 0, 3, 19, 40, 1990) }),
    {
      maxLength: 400,
    },
  )
  .map((steps) =>
    steps.map((step, index) => ({ workspace: index % 3 === 0 ? 'a' : 'b', work: `${index + 1}`, ...step })),
  );

test('every step that was taken is in one slice, none of which is too long, too early or hardly late', () => {
  fc.assert(
    fc.property(taken, (jobs) => {
      const slices = slicesOf(jobs);
      const inSlices = slices.flatMap((slice) => slice.jobs);
      expect(inSlices.toSorted((a, b) => Number(a.work) - Number(b.work))).toEqual(jobs);
      for (const { jobs: steps, delay, again } of slices) {
        expect(steps.length).toBeLessThanOrEqual(mostSteps);
        for (const step of steps) {
          expect(delay - step.delay).toBeGreaterThanOrEqual(0);
          expect(delay - step.delay).toBeLessThanOrEqual(20);
          expect(step.epoch > 1).toBe(again);
        }
      }
      const ids = slices.map((slice) => jobIdOf(slice.jobs));
      expect(new Set(ids).size).toBe(ids.length);
      expect(slices.flatMap((slice) => readSlice(sliceOf(slice.jobs)))).toEqual(
        inSlices.map(({ delay: _delay, ...job }) => job),
      );
    }),
    { seed: 12, numRuns: 200 },
  );
});

test('what is due already keeps the order in which workspaces took turns', () => {
  const jobs = Array.from({ length: 250 }, (_, index) => {
    return { workspace: `w${index % 7}`, work: String(1000 - index), epoch: 1, delay: 0 };
  });
  expect(slicesOf(jobs).flatMap((slice) => slice.jobs)).toEqual(jobs);
});

test('a job that no relay wrote is no slice', () => {
  const step = ['a', '1', 1];
  expect(readSlice({ steps: [step] })).toEqual([{ workspace: 'a', work: '1', epoch: 1 }]);
  const steps: unknown[] = [
    null,
    ['a', 'one', 1],
    ['a', '1', 0],
    ['a\0', '1', 1],
    ['a', '1', 1.5],
    [1, '1', 1],
  ];
  const tooMany = Array.from({ length: mostSteps + 1 }, () => step);
  const wrong: unknown[] = [null, 'steps', {}, { steps: 'a' }, { steps: tooMany }];
  wrong.push(...steps.map((each) => ({ steps: [step, each] })));
  for (const data of wrong) expect(readSlice(data)).toBeNull();
});

test('a process has as many steps in hand as it does in a quarter of a second, and so many in any case', async () => {
  let now = 0;
  const room = roomFor(100, () => now);
  const leave = await room.enter(100);
  const came: number[] = [];
  const second = room.enter(60).then((done) => {
    came.push(60);
    return done;
  });
  await Promise.resolve();
  expect(came).toEqual([]);
  for (let step = 0; step < 60; step += 1) leave();
  const leaveSecond = await second;
  expect(room.guests).toBe(2);
  for (let step = 0; step < 40; step += 1) leave();
  for (let step = 0; step < 59; step += 1) leaveSecond();
  // So many in a quarter of a second make room for as many.
  const quick = await room.enter(100);
  for (let step = 0; step < 99; step += 1) quick();
  now = 250;
  quick();
  leaveSecond();
  expect(room.guests).toBe(0);
  await Promise.all([room.enter(150), room.enter(100)]);
  expect(room.guests).toBe(2);
});
