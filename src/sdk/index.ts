import { openClient, warn } from './client.js';
import type { Client } from './client.js';
import type { Options } from './options.js';
import { bagOf, isBag } from './values.js';
import type { Bag } from './values.js';

/**
 * The script that a page loads. It takes the place of the stub (`window.muster`), makes the calls that waited in it, and
 * throws nothing into the page, whatever it is given.
 */
const methods = ['init', 'identify', 'track', 'group', 'reset'] as const;
type Method = (typeof methods)[number];
type Call = [Method, unknown[]];

function install(): void {
  const page = bagOf(window);
  const script = document.currentScript;
  const { name = 'muster', key, url }: DOMStringMap = script instanceof HTMLElement ? script.dataset : {};
  const origin =
    script instanceof HTMLScriptElement ? new URL(script.src || location.href).origin : location.origin;
  const api: Bag = bagOf(page[name]);
  const early = api['q'];
  // The page has this script twice.
  if (isBag(early) && early['live'] === true) return;

  let client: Client | undefined;
  const held: Call[] = [];

  const init = (given: unknown): void => {
    const options: Options = bagOf(given);
    const { key: own = '' } = options;
    if (client !== undefined) return client.configure(options);
    const workspace = /^mk_write_([a-z0-9-]+)_/.exec(own)?.[1];
    if (workspace === undefined) {
      const report = typeof options.onError === 'function' ? options.onError : warn;
      return report({
        status: 0,
        code: 'no_write_key',
        message: 'the key is not a write key',
        hint: 'it begins with mk_write_; a secret key must never be in a page',
        call: 'init',
        body: {},
      });
    }
    // A visitor of one workspace is nobody to another, even on the same page; a new key of the same is the same.
    const opened = openClient(`${name}:${workspace}`, options, origin);
    client = opened;
    for (const [method, args] of held.splice(0)) run(method, args);
  };

  function run(method: Method, args: unknown[]): void {
    try {
      if (method === 'init') init(args[0]);
      else if (client === undefined) held.push([method, args]);
      else client.calls[method](...args);
    } catch (error) {
      warn({ status: 0, code: 'failed', message: String(error), hint: '', call: method, body: {} });
    }
  }

  for (const method of methods) api[method] = (...args: unknown[]) => run(method, args);
  // A method that the page took out of the stub still pushes here.
  api['q'] = { live: true, push: runEarly };
  page[name] = api;

  function runEarly(call: unknown): void {
    if (!Array.isArray(call)) return;
    const [method, args] = Array.from<unknown>(call);
    const known = methods.find((each) => each === method);
    if (known !== undefined) run(known, Array.isArray(args) ? args : []);
  }

  if (key !== undefined) run('init', [{ key, ...(url !== undefined && { url }) }]);
  if (Array.isArray(early)) for (const call of early) runEarly(call);
}

install();
