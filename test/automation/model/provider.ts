import type { RenderedMessage } from '../../../src/automation/work/render.js';

/** A provider that remembers everything, and may do what it was asked for long after whoever asked has given up. */

export interface Call {
  /** Where in which enrolment it belongs. */
  readonly place: string;
  readonly enrollment: string;
  readonly visit: number;
  readonly key: string;
  readonly message: RenderedMessage;
  /** `under way` until the provider has looked at it. */
  state: 'under way' | 'accepted' | 'recognised' | 'failed' | 'refused';
}

export class Provider {
  readonly calls: Call[] = [];
  /** What people got, in order. */
  readonly effects: Call[] = [];
  readonly #recognises: boolean;
  readonly #seen = new Set<string>();

  /** One that `recognises` keys does nothing at a repeat. */
  constructor(recognises: boolean) {
    this.#recognises = recognises;
  }

  receive(call: Omit<Call, 'state'>): Call {
    const received: Call = { ...call, state: 'under way' };
    this.calls.push(received);
    return received;
  }

  answer(call: Call, as: 'accepted' | 'failed' | 'refused'): void {
    if (call.state !== 'under way') return;
    call.state = as;
    if (as !== 'accepted') return;
    if (this.#recognises && this.#seen.has(call.key)) {
      call.state = 'recognised';
      return;
    }
    this.#seen.add(call.key);
    this.effects.push(call);
  }

  /** What was on its way arrives. */
  arrive(): void {
    for (const call of this.calls) this.answer(call, 'accepted');
  }
}
