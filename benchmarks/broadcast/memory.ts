import type { Servers } from '../series/servers.js';
import { median } from '../table.js';

export interface MemorySeen {
  /** Resident memory of this process, in MiB: the median of the second tenth and of the last tenth of the looks. */
  readonly process: { readonly early: number; readonly late: number; readonly largest: number };
  /** What Redis used at most, in MB. */
  readonly redis: number;
}

/** Looks at the memory of this process and of Redis four times a second until it is stopped. */
export function watchMemory({ redis }: Servers): { stop(): Promise<MemorySeen> } {
  const own: number[] = [];
  const looks: Promise<number>[] = [];
  const look = (): void => {
    own.push(process.memoryUsage.rss() / 2 ** 20);
    looks.push(redis.info('memory').then((text) => Number(/^used_memory:(\d+)/m.exec(text)?.[1]) / 1e6));
  };
  look();
  const timer = setInterval(look, 250);
  return {
    async stop() {
      clearInterval(timer);
      look();
      const tenth = (at: number): number => {
        const from = Math.floor((own.length * at) / 10);
        return median(own.slice(from, Math.max(from + 1, Math.floor((own.length * (at + 1)) / 10))));
      };
      return {
        process: { early: tenth(1), late: tenth(9), largest: Math.max(...own) },
        redis: Math.max(...(await Promise.all(looks))),
      };
    },
  };
}
