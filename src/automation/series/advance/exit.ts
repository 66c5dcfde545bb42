import type { Meaning } from './view.js';

/** Leaves the series here, as the end of the list does not: the enrolment counts as exited, not as completed. */
export const exit: Meaning<'exit'> = () => ({ kind: 'leave', reason: 'exit_step' });
