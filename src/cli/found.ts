/** Ends a command with exit code 1: it did what it was asked to, and found something. It was printed already. */
export class Found extends Error {
  override readonly name = 'Found';
}
