/** A step that was offered to Redis: its work row, at the epoch of the offer. Ids only, no personal data. */
export interface WorkJob {
  readonly workspace: string;
  /** Id of the work row; a bigint, so text. */
  readonly work: string;
  readonly epoch: number;
}

/** What one job of BullMQ carries: a slice of the steps that one relay took, so that they share what a job costs. */
export interface SliceJob {
  readonly steps: readonly (readonly [workspace: string, work: string, epoch: number])[];
}

/** Most steps of one job. */
export const mostSteps = 100;

export function sliceOf(jobs: readonly WorkJob[]): SliceJob {
  return { steps: jobs.map(({ workspace, work, epoch }) => [workspace, work, epoch]) };
}

/**
 * The job's id, after the first of its steps. A row has an epoch once, so that no two slices have an id in common, which
 * BullMQ would ignore while it knows the first; and there is a letter in it, because BullMQ refuses ids of digits only.
 */
export function jobIdOf([first]: readonly [WorkJob, ...WorkJob[]]): string {
  return `w-${first.work}-${first.epoch}`;
}

/** Reads the steps of what came back from Redis; null for anything that no relay of ours wrote. */
export function readSlice(data: unknown): WorkJob[] | null {
  if (typeof data !== 'object' || data === null || !('steps' in data)) return null;
  const { steps } = data;
  if (!Array.isArray(steps) || steps.length > mostSteps) return null;
  const jobs = steps.map((step: unknown) => readStep(step));
  return jobs.every((job) => job !== null) ? jobs : null;
}

function readStep(step: unknown): WorkJob | null {
  if (!Array.isArray(step)) return null;
  const [workspace, work, epoch] = step.map((part: unknown) => part);
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
