/** The stream of calls that API processes are killed under. Each writes something that only it writes. */

export interface Call {
  readonly path: string;
  readonly body: object;
  /** What a 2xx answer promises. */
  readonly promises: Promises;
}

export interface Promises {
  /** Custom traits that people have, as `[user_id, key]`. */
  readonly traits: readonly (readonly [string, string])[];
  /** Custom traits that companies have, as `[company_id, key]`. */
  readonly companyTraits: readonly (readonly [string, string])[];
  /** Message ids of stored events. */
  readonly messages: readonly string[];
}

/** A whole number from 0 up to, and not including, the limit. */
export type Random = (limit: number) => number;

/** Mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  };
}

/** People of one batch of users; all of them get its trait, or none. */
export const batchSize = 5;

/** Kinds of calls. */
export const kinds = 8;

const nothing: Promises = { traits: [], companyTraits: [], messages: [] };

/**
 * The call of that number and kind. Keys tell what wrote them: `k` an identify, `b` a batch of users, `ck` an identify that sets
 * the same key on person and company.
 */
export function callOf(number: number, kind: number, random: Random): Call {
  const fresh = Math.floor(number / 3) + 5;
  // Often somebody new, because a creation is what must happen once.
  const user = (): string => `u${random(2) === 0 ? fresh : random(fresh)}`;
  const visitor = (): string => `a${random(fresh)}`;
  const company = (): string => `c${random(10)}`;
  const identify = (more: object, key = `k${number}`): Call => {
    const userId = user();
    return {
      path: '/api/sdk/users/identify',
      body: { user_id: userId, traits: { [key]: number }, ...more },
      promises: { ...nothing, traits: [[userId, key]] },
    };
  };
  const track = (who: object): Call => ({
    path: '/api/sdk/track',
    body: { ...who, event: 'done', properties: { number }, message_id: `m${number}` },
    promises: { ...nothing, messages: [`m${number}`] },
  });
  switch (kind) {
    case 0:
      return track({ user_id: user() });
    case 1:
      return track({ anonymous_id: visitor() });
    case 2:
      return identify({ anonymous_id: visitor() });
    case 3: {
      const [companyId, key] = [company(), `ck${number}`];
      const call = identify({ company_id: companyId, company_traits: { [key]: number } }, key);
      return { ...call, promises: { ...call.promises, companyTraits: [[companyId, key]] } };
    }
    case 4: {
      const companyId = company();
      return {
        path: '/api/sdk/companies/identify',
        body: { company_id: companyId, traits: { [`k${number}`]: number } },
        promises: { ...nothing, companyTraits: [[companyId, `k${number}`]] },
      };
    }
    case 5: {
      const first = random(fresh);
      const people = Array.from({ length: batchSize }, (_, index) => `u${first + index}`);
      const key = `b${number}`;
      return {
        path: '/api/users/batch',
        body: {
          users: people.map((userId) => ({ user_id: userId, traits: { [key]: number } })),
          fire_triggers: true,
        },
        promises: { ...nothing, traits: people.map((userId) => [userId, key]) },
      };
    }
    case 6: {
      const [userId, anonymousId, key] = [user(), visitor(), `k${number}`];
      const ids = { userId, anonymousId };
      return {
        path: '/v1/batch',
        body: {
          batch: [
            { type: 'track', ...ids, event: 'done', messageId: `m${number}` },
            { type: 'identify', ...ids, traits: { [key]: number } },
          ],
        },
        promises: { ...nothing, traits: [[userId, key]], messages: [`m${number}`] },
      };
    }
    default:
      return identify({});
  }
}
