/** Exit codes of a worker process: a server that was out of reach at the start, a message that killed it, and an error that nobody caught. */
export const exitCodes = { unreachable: 3, poisoned: 66, uncaught: 70 } as const;
