import { expect, it } from 'vitest';
import {
  DeliveryPostponed,
  DeliveryRefused,
  DeliveryUncertain,
} from '../../../src/automation/channels/channel.js';
import type { Channel, DeliveryContext, OutgoingMessage } from '../../../src/automation/channels/channel.js';
import { contextOf } from './message.js';

/** One message as the receiver got it. */
export interface Arrival {
  /** By which the receiver knows a delivery again; null where it is shown nothing of the kind. */
  readonly key: string | null;
  readonly title: string | null;
  readonly text: string;
}

/** What the suite must be able to do to a channel's receiver; null where the channel has no such thing. */
export interface Probe {
  /** A message to a person who is there. */
  message(changes?: Partial<OutgoingMessage>): OutgoingMessage;
  /** What arrived since the test began, in order. */
  arrivals(): Promise<readonly Arrival[]>;
  /** From now on the receiver takes messages and never answers; what is called ends that. */
  hang(): Promise<() => Promise<void>>;
  /** The next message fails in a way that passes. */
  failOnce(): Promise<void>;
  /** The next message is lost on the way back: the receiver has it, the channel does not know. */
  loseAnswer(): Promise<void>;
  /** A message that this receiver will never take. */
  hopeless: (() => Promise<OutgoingMessage>) | null;
  /** The next message is put off by so many seconds. */
  postpone: ((seconds: number) => Promise<void>) | null;
  /** How texts read at this receiver, where not letter by letter as they were written. */
  readonly reads?: { readonly title: (title: string) => string; readonly text: (text: string) => string };
  /** What the channel has open to its receiver. */
  open(): Promise<number>;
}

const hostile = [
  'a\r\nX-Injected: 1\r\n\r\nb',
  '{{ name }} ${name} %s %00 \\u0000 \\',
  `'; DROP TABLE inbox_messages; -- "`,
  '<script>alert(1)</script>&amp;',
  '=HYPERLINK("x")',
  '\u202Eabc\u2066 \uFEFF e\u0301 🧑‍🚀 𝒳',
  ' \t leading and trailing \n ',
  '__proto__',
] as const;

/**
 * The rules that every channel keeps, whatever it sends by. `make` gives a channel of its own for each test and is asked
 * after the test file's servers run.
 */
export function channelConformance(
  name: string,
  make: () => Promise<{ channel: Channel; probe: Probe }>,
): void {
  const rule = (title: string, check: (channel: Channel, probe: Probe) => Promise<void>): void => {
    it(`${name}: ${title}`, async () => {
      const { channel, probe } = await make();
      try {
        await check(channel, probe);
      } finally {
        await channel.close?.();
      }
      await expect.poll(() => probe.open()).toBe(0);
    });
  };

  rule('a delivery arrives once, whole', async (channel, probe) => {
    const context = contextOf();
    await channel.deliver(probe.message({ title: 'A title', text: 'A text' }), context);
    expect(await probe.arrivals()).toEqual([
      { key: shownKey(channel, context), title: 'A title', text: 'A text' },
    ]);
  });

  rule('a message without a title has none', async (channel, probe) => {
    await channel.deliver(probe.message({ title: null }), contextOf());
    expect((await probe.arrivals()).map(({ title }) => title)).toEqual([null]);
  });

  rule('it states what it does when a confirmation is lost, and does that', async (channel, probe) => {
    const context = contextOf();
    await probe.loseAnswer();
    const error = await outcome(channel.deliver(probe.message(), context));
    expect(error).toBeInstanceOf(Error);
    // What may have arrived must never count as refused.
    expect(error).not.toBeInstanceOf(DeliveryRefused);
    if (channel.onLostConfirmation === 'park') {
      // By any other name it would be sent again.
      expect(error).toBeInstanceOf(DeliveryUncertain);
      return;
    }
    await channel.deliver(probe.message(), context);
    const keys = (await probe.arrivals()).map(({ key }) => key);
    const { idempotencyKey } = context;
    expect(keys).toEqual(
      channel.onRepeat === 'absorbed' ? [idempotencyKey] : [idempotencyKey, idempotencyKey],
    );
  });

  rule('the same key again is one delivery to whoever knows the key', async (channel, probe) => {
    if (channel.onLostConfirmation === 'retry_same_key') {
      expect(['absorbed', 'marked']).toContain(channel.onRepeat);
    }
    const context = contextOf();
    await channel.deliver(probe.message(), context);
    await channel.deliver(probe.message(), context);
    const keys = (await probe.arrivals()).map(({ key }) => key);
    expect(new Set(keys)).toEqual(new Set([shownKey(channel, context)]));
    expect(keys).toHaveLength(channel.onRepeat === 'absorbed' ? 1 : 2);
  });

  rule('two deliveries are never taken for one, however alike', async (channel, probe) => {
    const [first, second] = [contextOf(), contextOf()];
    await channel.deliver(probe.message(), first);
    await channel.deliver(probe.message(), second);
    // Where no key is shown there is nothing to take them for, and both are there.
    expect((await probe.arrivals()).map(({ key }) => key)).toEqual([
      shownKey(channel, first),
      shownKey(channel, second),
    ]);
  });

  rule('a signal that has aborted lets nothing out', async (channel, probe) => {
    const reason = new Error('the lease was lost');
    const error = await outcome(
      channel.deliver(probe.message(), contextOf({ signal: AbortSignal.abort(reason) })),
    );
    expect(error).toBe(reason);
    expect(await probe.arrivals()).toEqual([]);
  });

  rule('an abort ends a delivery that hangs, with its reason', async (channel, probe) => {
    const release = await probe.hang();
    const stopping = new AbortController();
    const sending = outcome(channel.deliver(probe.message(), contextOf({ signal: stopping.signal })));
    const reason = new Error('the process stops');
    const first = await Promise.race([sending, eventLoopTurns(20).then(() => 'waiting')]);
    expect(first).toBe('waiting');
    stopping.abort(reason);
    expect(await sending).toBe(reason);
    await release();
  });

  rule('an abort after the delivery changes nothing', async (channel, probe) => {
    const stopping = new AbortController();
    await channel.deliver(probe.message(), contextOf({ signal: stopping.signal }));
    stopping.abort(new Error('too late'));
    await channel.deliver(probe.message(), contextOf());
    expect(await probe.arrivals()).toHaveLength(2);
  });

  rule('a failure that passes is a plain error, and the next attempt arrives', async (channel, probe) => {
    await probe.failOnce();
    const context = contextOf();
    const error = await outcome(channel.deliver(probe.message(), context));
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(DeliveryRefused);
    expect(error).not.toBeInstanceOf(DeliveryPostponed);
    // Nobody must be asked about what surely did not arrive.
    expect(error).not.toBeInstanceOf(DeliveryUncertain);
    await channel.deliver(probe.message(), context);
    expect((await probe.arrivals()).at(-1)?.key).toBe(shownKey(channel, context));
  });

  rule('what can never arrive is refused by that name, with a reason', async (channel, probe) => {
    if (probe.hopeless === null) return;
    const error = await outcome(channel.deliver(await probe.hopeless(), contextOf()));
    expect(error).toBeInstanceOf(DeliveryRefused);
    expect(error).toHaveProperty('message', expect.stringMatching(/\S/));
  });

  rule('a provider that says when to come again is heeded', async (channel, probe) => {
    if (probe.postpone === null) return;
    await probe.postpone(90);
    const error = await outcome(channel.deliver(probe.message(), contextOf()));
    expect(error).toBeInstanceOf(DeliveryPostponed);
    expect(error).toHaveProperty('retryAfter', 90_000);
  });

  rule('hostile text arrives as it was', async (channel, probe) => {
    const { title: titleOf, text: textOf } = probe.reads ?? { title: asItWas, text: asItWas };
    for (const text of hostile) await channel.deliver(probe.message({ title: text, text }), contextOf());
    const arrived = await probe.arrivals();
    expect(arrived.map(({ text }) => text)).toEqual(hostile.map(textOf));
    expect(arrived.map(({ title }) => title)).toEqual(hostile.map(titleOf));
  });

  rule('text that it cannot carry is refused, never altered', async (channel, probe) => {
    for (const text of ['a\0b', 'half a character: \uD83D']) {
      const error = await outcome(channel.deliver(probe.message({ text }), contextOf()));
      if (error === 'delivered') expect((await probe.arrivals()).at(-1)?.text).toBe(text);
      else expect(error).toBeInstanceOf(DeliveryRefused);
    }
  });

  rule('a hundred thousand bytes of text arrive whole, or are refused by name', async (channel, probe) => {
    const text = 'ä€🙂 '.repeat(10_000);
    const error = await outcome(channel.deliver(probe.message({ text }), contextOf()));
    const arrived = (await probe.arrivals()).map((each) => each.text === text);
    if (error === 'delivered') return expect(arrived).toEqual([true]);
    expect(error).toBeInstanceOf(DeliveryRefused);
    expect(arrived).toEqual([]);
  });

  rule('fifty deliveries at once arrive, each under its own key', async (channel, probe) => {
    const contexts = Array.from({ length: 50 }, () => contextOf());
    await Promise.all(
      contexts.map((context) =>
        channel.deliver(probe.message({ text: `for ${context.idempotencyKey}` }), context),
      ),
    );
    const arrived = new Map((await probe.arrivals()).map(({ key, text }) => [text, key]));
    expect(arrived.size).toBe(50);
    for (const context of contexts) {
      expect(arrived.get(`for ${context.idempotencyKey}`)).toBe(shownKey(channel, context));
    }
  });

  rule('one that hangs holds up no other', async (channel, probe) => {
    const release = await probe.hang();
    const stopping = new AbortController();
    const hanging = outcome(channel.deliver(probe.message(), contextOf({ signal: stopping.signal })));
    await eventLoopTurns(5);
    await release();
    await channel.deliver(probe.message({ text: 'after' }), contextOf());
    expect((await probe.arrivals()).some(({ text }) => text === 'after')).toBe(true);
    stopping.abort(new Error('over'));
    await hanging;
  });

  rule('its name and its statements are fit to be read by a program', async (channel) => {
    expect(channel.name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(['retry_same_key', 'park']).toContain(channel.onLostConfirmation);
    for (const wait of channel.waits ?? []) expect(Number.isSafeInteger(wait) && wait > 0).toBe(true);
  });
}

/** What the receiver sees of the key: a channel that says nothing of repeats shows none. */
function shownKey({ onRepeat }: Channel, { idempotencyKey }: DeliveryContext): string | null {
  return onRepeat === undefined ? null : idempotencyKey;
}

const asItWas = (text: string): string => text;

/** What `deliver` threw, or that it did not. */
export async function outcome(sending: Promise<unknown>): Promise<unknown> {
  try {
    await sending;
    return 'delivered';
  } catch (error) {
    return error;
  }
}

/** Long enough for everything that needs no answer from outside. */
async function eventLoopTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
}
