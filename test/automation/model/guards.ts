/**
 * The guards of the queue protocol, each named for the statement that it stands in. The model asks which of them stand, so
 * that one can be taken away to see whether the laws notice.
 */
export const guards = [
  'claim checks the epoch',
  'claim checks the state',
  'claim asks whether the series is paused',
  'begin checks the lease',
  'begin locks its claim',
  'begin asks about suppression',
  'begin asks whether the person is inside',
  'finish checks the token',
  'finish sees what happened meanwhile',
  'finish tells only where people went',
  'sweep ends leases',
  'sweep parks what was being sent',
  'sweep takes up what was enqueued too long',
  'sweep releases what is held',
  'incarnation is checked',
  'key is stable',
] as const;

export type Guard = (typeof guards)[number];
export type Guards = ReadonlySet<Guard>;

export const allGuards: Guards = new Set(guards);

export function without(guard: Guard): Guards {
  return new Set(guards.filter((each) => each !== guard));
}
