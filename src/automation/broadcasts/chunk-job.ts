import type { WorkJob } from '../work/job.js';

/** The job's id, as a step's: it holds the epoch, and a letter. */
export function chunkJobId({ work, epoch }: WorkJob): string {
  return `c-${work}-${epoch}`;
}

/** Reads what came back from Redis; null for anything that no relay of ours wrote. */
export function readChunkJob(data: unknown): WorkJob | null {
  if (typeof data !== 'object' || data === null) return null;
  if (!('workspace' in data) || !('work' in data) || !('epoch' in data)) return null;
  const { workspace, work, epoch } = data;
  if (typeof workspace !== 'string' || typeof work !== 'string' || typeof epoch !== 'number') return null;
  const fits = /^[0-9]{1,18}$/.test(work) && Number.isInteger(epoch) && epoch > 0 && epoch < 2 ** 31;
  return fits && !workspace.includes('\0') ? { workspace, work, epoch } : null;
}
