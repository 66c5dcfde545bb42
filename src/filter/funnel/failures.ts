import type { Failure } from '../explain/reason.js';

export function noFailures(): Record<Failure, number> {
  return {
    missing: 0,
    type_mismatch: 0,
    case_mismatch: 0,
    unparsable_time: 0,
    outside_window: 0,
    different: 0,
  };
}
