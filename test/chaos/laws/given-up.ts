import { breach } from './breach.js';
import type { Breach } from './breach.js';
import type { History, WorkRow } from './history.js';

/** Whether it is the step that kills its process each time, given up as it should be. */
export function isGivenUp({ deadly }: History, row: WorkRow, series: string | undefined): boolean {
  return series === deadly.series && row.step === deadly.step && row.state === 'failed';
}

/** What kills its process each time is tried as often as it may be, given up, and shown to the operator. */
export function givenUp({ deadly, work, enrollments, begins, shown }: History): Breach[] {
  const deadlyOnes = new Set(
    enrollments.filter(({ series }) => series === deadly.series).map(({ id }) => id),
  );
  const tries = new Map<string, number>();
  for (const { work: id } of begins) if (id !== null) tries.set(id, (tries.get(id) ?? 0) + 1);
  return work
    .filter((row) => deadlyOnes.has(row.enrollment) && row.step === deadly.step)
    .flatMap((row) => {
      const tried = tries.get(row.id) ?? 0;
      const told = `the deadly work ${row.id} is ${row.state} after ${tried} tries`;
      const isRight = row.state === 'failed' && tried > 0 && tried <= deadly.attempts;
      return [
        ...(isRight ? [] : [breach('given up', told)]),
        ...(shown.includes(row.delivery) ? [] : [breach('given up', `${told}, and is not shown`)]),
      ];
    });
}
