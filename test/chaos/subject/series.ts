import { saveSeries } from '../../../src/automation/index.js';
import type { Pool } from '../../../src/database/pool.js';

export const workspace = 'chaos';

/** The step that waits for a minute, of which the witness leaves less than a second. */
export const restStep = 'rest';
/** Name of the trait that lets a person go on. */
export const ready = 'ready';
/** The channel that leads to the oracle, and the one that ends its process. */
export const channels = { oracle: 'log', deadly: 'inbox' } as const;

export interface ChaosSeries {
  readonly key: string;
  /** Whose event lets people in; left out, everybody enters who is identified. */
  readonly event?: string;
  /** Its steps that the oracle hears of, in order. */
  readonly sends: readonly string[];
  readonly steps: readonly object[];
}

const send = (key: string, channel: string = channels.oracle): object => ({
  type: 'send',
  key,
  channel,
  message: { text: `${key}: hello {{ name|there }}` },
});

/** Runs the whole time; everybody who was identified must be in it. Rests twice: for a time, and for a change of traits. */
export const steady: ChaosSeries = {
  key: 'steady',
  sends: ['first', 'second', 'third'],
  steps: [
    send('first'),
    { type: 'wait', key: restStep, for: [1, 'minutes'] },
    send('second'),
    {
      type: 'wait_for',
      key: 'until-ready',
      filter: { and: [{ '==': [{ var: `custom:${ready}` }, true] }, { exists: { var: 'name' } }] },
      timeout: [300, 'days'],
    },
    send('third'),
  ],
};

/** Is paused and resumed in the middle; sets a trait on the way. */
export const stopped: ChaosSeries = {
  key: 'stopped',
  sends: ['one', 'two'],
  steps: [send('one'), { type: 'set_trait', key: 'mark', traits: { got_one: true } }, send('two')],
};

/** Entered by each event, so that one that is taken for another one shows. */
export const thanked: ChaosSeries = {
  key: 'thanked',
  event: 'ordered',
  sends: ['thanks'],
  steps: [send('thanks')],
};

/** The step that kills each worker that takes it, and is given up in the end. */
export const deadlyStep = 'kills';

export const deadly: ChaosSeries = {
  key: 'deadly',
  event: 'poisoned',
  sends: ['after'],
  steps: [send(deadlyStep, channels.deadly), send('after')],
};

/** Attempts after which it is given up. */
export const deadlyAttempts = 4;

export const allSeries: readonly ChaosSeries[] = [steady, stopped, thanked, deadly];

/** Messages that one person gets in all. */
export const sendsPerPerson = steady.sends.length + stopped.sends.length;

export async function saveChaosSeries(pool: Pool): Promise<void> {
  for (const { key, event, steps } of allSeries) {
    const trigger = event === undefined ? { type: 'user_created' } : { type: 'event', event };
    const entry = event === undefined ? 'once' : 'every_time';
    await saveSeries(pool, workspace, { key, name: key, trigger, entry, steps });
  }
}
