import { speaksToPerson } from '../../channels/properties.js';
import type { FrequencyCap, SendStep } from '../model.js';
import { capInWords, capSince } from '../cap-since.js';
import { nextSendAt } from '../sending-hours.js';
import type { Meaning, Place, Verdict, View } from './view.js';

/**
 * Sends one message, and goes on when it is known what became of it: delivered, given up after the last attempt,
 * or held back by the claim. A message that fails does not end the series.
 *
 * In quiet hours and outside the send window the person stays here until the first instant at which both allow it, by the
 * zone they are in then: a zone that changes moves it; the story says so once, on arrival. Frequency caps are asked when the message could go; one
 * that is used up skips the message for good and the person goes on. A cap counts the messages of all series that
 * were sent after the instant so long ago (calendar lengths in the person's zone): seven days after a message it no longer counts.
 *
 * What goes to the customer's own people, as to Slack, is no message to the person: none of this holds it back.
 *
 * A merge tag whose trait is missing renders its fallback, or nothing; the message is rendered when it is sent.
 */
export const send: Meaning<'send'> = (step, place, view) => {
  const { definition, zones, now } = view;
  if (!speaksToPerson(step.channel)) return delivered(step, place);
  const at = nextSendAt(definition, zones, now);
  if (at > now) {
    return {
      kind: 'rest',
      wakeAt: at,
      listens: goesByPerson(view),
      noted: place.isNew ? { what: 'deferred', detail: new Date(at).toISOString() } : null,
    };
  }
  const cap = definition.frequencyCaps.find((each) => isUsedUp(each, view));
  if (cap !== undefined) {
    return { kind: 'go', to: step.next, noted: { what: 'capped', detail: capInWords(cap) } };
  }
  return delivered(step, place);
};

function delivered({ key, channel, endpoint, message }: SendStep, { visit }: Place): Verdict {
  const to = endpoint === undefined ? {} : { endpoint };
  return { kind: 'deliver', effect: { kind: 'send', step: key, visit, channel, ...to, message } };
}

function isUsedUp(cap: FrequencyCap, { facts, now, zones }: View): boolean {
  const { messages } = cap;
  if (facts.contacts.length < messages) return false;
  const after = capSince(cap, { now, zone: zones.person });
  return facts.contacts.filter((at) => at > after).length >= messages;
}

function goesByPerson({ definition }: View): boolean {
  return definition.quietHours?.zone === 'person' || definition.sendWindow?.zone === 'person';
}
