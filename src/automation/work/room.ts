/** How many steps this process has in hand at once. */
export interface Room {
  /** Waits until there is room for so many more; the function that it answers is called as each is over. */
  enter(steps: number): Promise<() => void>;
  /** Whether somebody waits for it. */
  readonly isFull: boolean;
}

/** Milliseconds of work that may be in hand: batches are large then, and another process waits no longer for what is here. */
const stretch = 500;

/**
 * Room for what is done in half a second, and for `least` steps in any case: a process whose channels are slow holds
 * little that another one could do sooner, and one whose steps are quick takes many at once, which costs Postgres least.
 *
 * @param now milliseconds on a clock that only goes forward
 */
export function roomFor(least: number, now: () => number = () => performance.now()): Room {
  let inHand = 0;
  let most = least;
  let over = 0;
  let since = now();
  const waiting: { readonly steps: number; readonly comeIn: () => void }[] = [];

  // One that is larger than the room comes in alone.
  const hasRoomFor = (steps: number): boolean => inHand === 0 || inHand + steps <= most;

  const letIn = (): void => {
    for (let next = waiting[0]; next !== undefined && hasRoomFor(next.steps); next = waiting[0]) {
      waiting.shift();
      inHand += next.steps;
      next.comeIn();
    }
  };

  const measure = (): void => {
    over += 1;
    most = Math.max(most, over);
    const passed = now() - since;
    if (passed < stretch) return;
    most = Math.max(least, Math.round((over / passed) * stretch));
    over = 0;
    since = now();
  };

  return {
    get isFull() {
      return waiting.length > 0;
    },
    async enter(steps) {
      await new Promise<void>((comeIn) => {
        waiting.push({ steps, comeIn });
        letIn();
      });
      return () => {
        inHand -= 1;
        measure();
        letIn();
      };
    },
  };
}
