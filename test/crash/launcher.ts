import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { Script } from 'node:vm';

// Runs a bundle with what V8 compiled of it in an earlier process, which halves the time that a process takes to start.
const [bundle = ''] = process.argv.splice(2, 1);
const cache = `${bundle}.cache`;
const cachedData = existsSync(cache) ? readFileSync(cache) : undefined;
const script = new Script(Module.wrap(readFileSync(bundle, 'utf8')), {
  filename: bundle,
  ...(cachedData === undefined ? {} : { cachedData }),
});
const main: unknown = script.runInThisContext();
if (typeof main !== 'function') throw new Error('a bundle is a function');
const module = { exports: {} };
Reflect.apply(main, module.exports, [module.exports, createRequire(bundle), module, bundle, '']);

process.on('SIGUSR2', () => {
  writeFileSync(`${cache}.draft`, script.createCachedData());
  renameSync(`${cache}.draft`, cache);
  process.exit();
});
