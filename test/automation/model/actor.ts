/** Processes of the simulation: generators that stop before each thing they do to the world, so that all else can happen there. */

export interface Op {
  readonly run: () => void;
  /** A statement has read and not yet written. Others may commit now. */
  readonly isOpen?: boolean;
  /** The work row that this statement has locked until it is over. */
  readonly locks?: string;
  /** The call of a provider whose answer is awaited. */
  readonly call?: { readonly fail: () => void; readonly refuse: () => void };
}

export type Steps<Result> = Generator<Op, Result, undefined>;

/** Did it happen or not? Whoever asked cannot know. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** The answer never came, and the time for it is over. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/** One thing done to the world at once, and its answer. */
export function* ask<Result>(run: () => Result, more: Omit<Op, 'run'> = {}): Steps<Result> {
  const answers: Result[] = [];
  yield { run: () => void answers.push(run()), ...more };
  for (const answer of answers) return answer;
  throw new Error('a step was resumed before it was taken');
}

/** The same, asked again where the connection was lost, so many times in all. */
export function* persist<Result>(steps: () => Steps<Result>, attempts = 3): Steps<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return yield* steps();
    } catch (error) {
      if (!(error instanceof ConnectionLost) || attempt >= attempts) throw error;
    }
  }
}

/** What becomes of a step: done; done but its answer lost; not done; for a call, failed, refused or never answered. */
export type Fate = 'done' | 'lost' | 'cut' | 'refused' | 'hung';

export class Actor {
  readonly #start: () => Steps<void>;
  #running: Steps<void> | null = null;
  #op: Op | null = null;
  /** Whether the last step ended a round. */
  rests = true;

  constructor(start: () => Steps<void>) {
    this.#start = start;
  }

  get isOpen(): boolean {
    return this.#op?.isOpen === true;
  }

  get locks(): string | undefined {
    return this.#op?.locks;
  }

  /** Takes one step; a process that came to its end begins anew. */
  step(fate: Fate = 'done'): void {
    if (this.#running === null || this.#op === null) {
      this.#running = this.#start();
      this.#move(this.#running.next());
    }
    const running = this.#running;
    const op = this.#op;
    if (running === null || op === null) return;
    const { call } = op;
    if (call === undefined) {
      if (fate !== 'cut') op.run();
      const heard = fate === 'done' || fate === 'refused' || fate === 'hung';
      this.#move(heard ? running.next() : running.throw(new ConnectionLost('the connection was lost')));
      return;
    }
    if (fate === 'refused') call.refuse();
    if (fate === 'cut') call.fail();
    if (fate !== 'hung') op.run();
    if (fate === 'hung') this.#move(running.throw(new TimedOut('no answer in time')));
    else if (fate === 'lost') this.#move(running.throw(new ConnectionLost('reset by the provider')));
    else this.#move(running.next());
  }

  /** Steps until the provider has been called, and gives the answer its fate. */
  untilCall(fate: Fate): void {
    for (let count = 0; count < 20 && this.#op?.call === undefined; count += 1) {
      this.step();
      if (this.rests) return;
    }
    this.step(fate);
  }

  /** Steps until the round is over. */
  round(): void {
    for (let count = 0; count < 1000; count += 1) {
      this.step();
      if (this.rests) return;
    }
    throw new Error('an actor never came to the end of its round');
  }

  /** Dies between two steps; what it knew is gone. */
  crash(): void {
    this.#running = null;
    this.#op = null;
    this.rests = true;
  }

  #move(result: IteratorResult<Op, void>): void {
    this.rests = result.done === true;
    if (result.done === true) {
      this.#running = null;
      this.#op = null;
    } else {
      this.#op = result.value;
    }
  }
}
