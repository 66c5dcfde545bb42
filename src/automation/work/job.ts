/** What Redis holds of a work row: ids and an epoch, no personal data. */
export interface WorkJob {
  readonly workspace: string;
  /** Id of the work row; a bigint, so text. */
  readonly work: string;
  readonly epoch: number;
}

/**
 * The job's id. It holds the epoch, because BullMQ ignores an id that it still knows, and a letter, because it refuses
 * ids of digits only.
 */
export function jobIdOf(job: WorkJob): string {
  return `w-${job.work}-${job.epoch}`;
}

/** Reads what came back from Redis; null for anything that no relay of ours wrote. */
export function readJob(data: unknown): WorkJob | null {
  if (typeof data !== 'object' || data === null) return null;
  if (!('workspace' in data) || !('work' in data) || !('epoch' in data)) return null;
  const { workspace, work, epoch } = data;
  if (typeof workspace !== 'string' || typeof work !== 'string' || typeof epoch !== 'number') return null;
  const fits = /^[0-9]{1,18}$/.test(work) && Number.isInteger(epoch) && epoch > 0 && epoch < 2 ** 31;
  return fits && !workspace.includes('\0') ? { workspace, work, epoch } : null;
}

/** A job that every worker answers at once, by which it is seen that the whole way is open. */
export interface CanaryJob {
  readonly canary: string;
}

/** Reads a canary that came back from Redis; null for any other job. */
export function readCanary(data: unknown): string | null {
  if (typeof data !== 'object' || data === null || !('canary' in data)) return null;
  const { canary } = data;
  return typeof canary === 'string' && /^[0-9]{1,18}$/.test(canary) ? canary : null;
}
