/**
 * Lets the clock of this process be set. The monotonic clock, which timers and `performance.now` go by, does not move, as
 * with a real clock. Answers the function that sets it: so many milliseconds ahead of the machine's, or behind.
 */
export function settableClock(): (ahead: number) => void {
  const machine = Date;
  let offset = 0;
  const now = (): number => machine.now() + offset;
  globalThis.Date = new Proxy(machine, {
    get: (target, key, receiver) => (key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown)),
    construct: (target, values, self) =>
      dateOf(Reflect.construct(target, values.length === 0 ? [now()] : values, self)),
    apply: () => new machine(now()).toString(),
  });
  return (ahead) => {
    offset = ahead;
  };
}

function dateOf(made: unknown): Date {
  if (!(made instanceof Date)) throw new TypeError('a date was to be made');
  return made;
}
