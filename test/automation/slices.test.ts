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

function end(leave: () => void, steps: number): void {
  for (let step = 0; step < steps; step += 1) leave();
}

test('a process has as many steps in hand as it does in half a second, and so many in any case', async () => {
  let now = 0;
  const room = roomFor(100, () => now);
  const first = await room.enter(100);
  const entering = room.enter(60);
  expect(room.isFull).toBe(true);
  end(first, 60);
  expect(room.isFull).toBe(false);
  const second = await entering;
  end(first, 40);
  end(second, 59);
  now = 500;
  end(second, 1);
  // 160 in half a second make room for as many.
  const third = await room.enter(100);
  const fourth = await room.enter(60);
  const waits = room.enter(1);
  expect(room.isFull).toBe(true);
  end(third, 100);
  await waits;
  // A time that is slow takes the room back, but for the hundred.
  now = 4000;
  end(fourth, 1);
  const fifth = room.enter(60);
  expect(room.isFull).toBe(true);
  end(fourth, 59);
  await fifth;
});

test('a slice that is larger than the room comes in alone', async () => {
  const room = roomFor(10);
  const leave = await room.enter(100);
  const next = room.enter(1);
  expect(room.isFull).toBe(true);
  end(leave, 100);
  await next;
});
