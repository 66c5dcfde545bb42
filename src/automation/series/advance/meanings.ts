import type { StepType } from '../model.js';
import { branch } from './branch.js';
import { exit } from './exit.js';
import { send } from './send.js';
import { setTrait } from './set-trait.js';
import { split } from './split.js';
import type { Meaning, Place, StepOf, Verdict, View } from './view.js';
import { wait } from './wait.js';
import { waitFor } from './wait-for.js';
import { waitUntilTime } from './wait-until-time.js';
import { webhook } from './webhook.js';

/** What every type of step means; a new type breaks the build until it has its entry. */
const meanings: { readonly [T in StepType]: Meaning<T> } = {
  send,
  wait,
  wait_until_time: waitUntilTime,
  wait_for: waitFor,
  branch,
  split,
  set_trait: setTrait,
  webhook,
  exit,
};

/** Hands the step to its meaning. */
export function carryOut<T extends StepType>(step: StepOf<T>, place: Place, view: View): Verdict {
  const { type }: { readonly type: T } = step;
  return meanings[type](step, place, view);
}
