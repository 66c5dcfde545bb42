import type { Footprint } from '../series/moves.js';

interface Walker {
  readonly workspace: string;
  readonly token: string;
  readonly enrollment: string;
  readonly trail: readonly Footprint[];
}

/** The lists of a batch's footprints, in order. */
export function trailValues(walkers: readonly Walker[]): unknown[] {
  const steps = walkers.flatMap(({ token, trail }) => trail.map((footprint) => ({ token, ...footprint })));
  return [
    steps.map((step) => step.token),
    steps.map((step) => step.step),
    steps.map((step) => step.visit),
    steps.map((step) => step.what),
    steps.map((step) => step.detail),
  ];
}

/**
 * The text that writes the footprints of `trailValues`, whose first list is parameter `first`, for those walkers that are
 * in `holders (workspace_id, enrollment_id, token)`, and of them those that `told` is true for (`h`, `t`). What stands there
 * already, from an earlier look, is not written twice.
 */
export const trailText = (first: number, holders: string, told = 'true'): string => `
  INSERT INTO enrollment_trail (workspace_id, enrollment_id, step, visit, what, detail, at)
  SELECT h.workspace_id, h.enrollment_id, t.step, t.visit, t.what, t.detail, date_trunc('milliseconds', statement_timestamp())
  FROM unnest($${first}::uuid[], $${first + 1}::text[], $${first + 2}::integer[], $${first + 3}::text[], $${first + 4}::text[])
    WITH ORDINALITY AS t (token, step, visit, what, detail, place)
  JOIN ${holders} AS h ON h.token = t.token AND (${told})
  ORDER BY t.place
  ON CONFLICT DO NOTHING`;

/** In the order in which everybody takes enrolments, so that two batches do not wait for each other in a circle. */
export function byEnrollment(
  a: { readonly workspace: string; readonly enrollment: string },
  b: { readonly workspace: string; readonly enrollment: string },
): number {
  if (a.workspace !== b.workspace) return a.workspace < b.workspace ? -1 : 1;
  const order = BigInt(a.enrollment) - BigInt(b.enrollment);
  return order < 0n ? -1 : order > 0n ? 1 : 0;
}
