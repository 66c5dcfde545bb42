import { pause } from '../../../src/embedded/processes.js';
import type { Random } from '../random.js';
import type { Fault, Rig } from './fault.js';

async function die({ redis }: Rig, random: Random, from: 'empty' | 'dump'): Promise<void> {
  await redis.kill();
  await pause(random.int(0, 1500));
  await redis.start(from);
}

async function deleteSome({ redis }: Rig, random: Random): Promise<number> {
  const keys = (await redis.admin.keys('bull:*')).toSorted();
  const doomed = keys.filter(() => random.chance(0.3));
  if (doomed.length > 0) await redis.admin.del(doomed);
  return doomed.length;
}

const faults: readonly Omit<Fault, 'place'>[] = [
  {
    name: 'flushall',
    weight: 3,
    async inject({ redis }) {
      await redis.admin.flushall();
      return true;
    },
  },
  {
    name: 'redis killed, empty',
    weight: 2,
    async inject(rig, random) {
      await die(rig, random, 'empty');
      return true;
    },
  },
  {
    name: 'redis killed, old dump',
    weight: 2,
    async inject(rig, random) {
      await rig.redis.keepDump();
      await pause(random.int(200, 1500));
      await die(rig, random, 'dump');
      return true;
    },
  },
  {
    name: 'redis frozen',
    async inject({ redis }, random) {
      process.kill(redis.pid(), 'SIGSTOP');
      await pause(random.int(500, 3000));
      process.kill(redis.pid(), 'SIGCONT');
      return true;
    },
  },
  {
    name: 'redis out of memory',
    async inject({ redis }, random) {
      await redis.admin.config('SET', 'maxmemory', '1mb');
      await pause(random.int(300, 1500));
      await redis.admin.config('SET', 'maxmemory', '0');
      return true;
    },
  },
  {
    name: 'redis evicting',
    async inject(rig, random) {
      await rig.redis.admin.config('SET', 'maxmemory-policy', 'allkeys-random');
      const deleted = await deleteSome(rig, random);
      await pause(random.int(200, 1000));
      await rig.redis.admin.config('SET', 'maxmemory-policy', 'noeviction');
      return deleted > 0;
    },
  },
  {
    name: 'keys deleted',
    async inject(rig, random) {
      return (await deleteSome(rig, random)) > 0;
    },
  },
  {
    name: 'script flush',
    async inject({ redis }) {
      await redis.admin.script('FLUSH');
      return true;
    },
  },
  {
    name: 'redis clients killed',
    weight: 2,
    async inject({ redis }) {
      await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      return true;
    },
  },
  {
    name: 'redis connections reset',
    async inject({ redisProxy }) {
      return redisProxy.reset() > 0;
    },
  },
  {
    name: 'redis half-open',
    async inject({ redisProxy }, random) {
      const heal = redisProxy.halfOpen(random.chance(0.5));
      await pause(random.int(500, 3000));
      heal();
      return true;
    },
  },
  {
    name: 'redis slow',
    async inject({ redisProxy }, random) {
      redisProxy.setFlow(
        random.chance(0.5) ? { kind: 'latency', ms: random.int(20, 300) } : { kind: 'trickle' },
      );
      await pause(random.int(500, 1500));
      redisProxy.setFlow({ kind: 'pass' });
      return true;
    },
  },
];

export const redisFaults: readonly Fault[] = faults.map((fault) => ({ ...fault, place: 'redis' }));
