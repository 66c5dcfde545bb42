import { expect, it } from 'vitest';
import { listenForStop } from '../../src/cli/stopping.js';
import { MusterError, problem } from '../../src/errors/index.js';

it('a failure that nobody waited for ends the command as a signal does, with its own exit code', async () => {
  const before = process.exitCode;
  const stopping = listenForStop();
  try {
    const failure = new MusterError(problem('embedded_lost', { server: 'Redis', reason: 'r', folder: 'f' }));
    stopping.fail(failure);
    await expect(stopping.asked).rejects.toBe(failure);
    expect(() => stopping.check()).toThrow(failure);
    expect(process.exitCode).toBe(3);
  } finally {
    process.exitCode = before;
    await stopping.close();
  }
});
