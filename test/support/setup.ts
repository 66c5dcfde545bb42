import { afterAll, afterEach } from 'vitest';
import { cleanUp } from './cleanup.js';
import { refuseConsole, watchConsole } from './console.js';
import { refuseLeftovers, running } from './leftovers.js';

const before = running();
let failed = false;

watchConsole();

afterEach(({ task }) => {
  if (task.result?.state === 'fail') failed = true;
  refuseConsole();
});

// Registered first and therefore run last, after whatever the file itself does at its end.
afterAll(async () => {
  await cleanUp(failed);
  refuseConsole();
  await refuseLeftovers(before);
});
