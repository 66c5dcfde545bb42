import type { Broadcasts } from '../broadcasts.js';
import type { Oracle } from '../oracle.js';
import type { People } from '../people.js';
import type { ChaosPostgres } from '../postgres.js';
import type { TcpProxy } from '../proxy.js';
import type { Random } from '../random.js';
import type { ChaosRedis } from '../redis.js';
import type { SubjectSettings } from '../subject.js';
import type { Volume } from '../volume.js';
import type { Workers } from '../workers.js';

/** Everything that a fault can get hold of. */
export interface Rig {
  readonly postgres: ChaosPostgres;
  /** Straight to the server. */
  readonly databaseUrl: string;
  /** What Postgres keeps its data on; null where it has no file system of its own. */
  readonly volume: Volume | null;
  readonly redis: ChaosRedis;
  readonly postgresProxy: TcpProxy;
  readonly redisProxy: TcpProxy;
  readonly oracle: Oracle;
  readonly workers: Workers;
  readonly people: People;
  readonly broadcasts: Broadcasts;
  readonly settings: SubjectSettings;
}

/** What a fault is done to; two faults of one place follow each other, those of different places overlap. */
export type Place = 'worker' | 'redis' | 'postgres' | 'provider' | 'people';

export interface Fault {
  readonly name: string;
  readonly place: Place;
  /** How often it comes in the deck that a run is dealt from; default 1. */
  readonly weight?: number;
  /** What the rig must have for it; left out of the deck where it has not. */
  readonly needs?: 'volume';
  /** Does it, holds it and heals it. Answers false where it found nothing to hit. */
  readonly inject: (rig: Rig, random: Random) => Promise<boolean>;
}
