import type { LookupAddress } from 'node:dns';
import { createServer as createTlsServer } from 'node:https';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { DeliveryUncertain } from '../../../src/automation/channels/channel.js';
import { networkRules } from '../../../src/automation/channels/webhook/networks.js';
import { poster } from '../../../src/automation/channels/webhook/post.js';
import type { Poster, PosterOptions, Resolve } from '../../../src/automation/channels/webhook/post.js';
import { afterFile } from '../../support/cleanup.js';
import { until } from '../support.js';
import { testCertificate } from './certificate.js';
import { outcome } from './conformance.js';
import { listening, startReceiver } from './receiver.js';
import type { Receiver } from './receiver.js';

const loopback = ['127.0.0.1/32'];

let receiver: Receiver;
const posters: Poster[] = [];

beforeAll(async () => {
  receiver = await startReceiver();
});

beforeEach(() => receiver.reset());

afterEach(async () => {
  for (const each of posters.splice(0)) each.close();
  await until('every connection is closed', () => receiver.open() === 0);
});

function posting(options: Partial<PosterOptions> & { allowed?: readonly string[] } = {}): Poster {
  const { allowed = loopback, timeout = 10_000, ...rest } = options;
  const made = poster({ rules: networkRules(allowed), timeout, ...rest });
  posters.push(made);
  return made;
}

const to = (url: string, signal = new AbortController().signal): Parameters<Poster['post']>[0] => ({
  url: new URL(url),
  headers: { 'content-length': '2' },
  body: Buffer.from('{}'),
  signal,
});

const resolving =
  (...addresses: readonly string[]): Resolve =>
  async () =>
    addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));

const neverResolving: Resolve = () => new Promise(() => undefined);
const unknownName: Resolve = async () => {
  throw Object.assign(new Error('getaddrinfo ENOTFOUND gone.example.com'), { code: 'ENOTFOUND' });
};

/** A server below HTTP, which does with a connection what the test says. */
async function rawServer(connected: (socket: Socket) => void, host = '127.0.0.1'): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    connected(socket);
  });
  const port = await listening(server, host);
  afterFile(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return `127.0.0.1:${port}`;
}

it('an address of this machine is not connected to, whether it is written or looked up', async () => {
  const before = receiver.connections();
  const nothing = posting({ allowed: [], resolve: resolving('127.0.0.1') });
  for (const scheme of ['http', 'https']) {
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', 'hooks.example.com', 'localhost']) {
      await expect(nothing.post(to(`${scheme}://${host}:${receiver.port}/`))).rejects.toThrow(
        'may not be called',
      );
    }
  }
  expect(receiver.connections()).toBe(before);
});

it.each([
  '10.0.0.1',
  '169.254.169.254',
  '100.100.100.200',
  '::1',
  '::ffff:127.0.0.1',
  '64:ff9b::7f00:1',
  'fd00:ec2::254',
  'fe80::1%eth0',
  '0.0.0.0',
])('a name that leads to %s is not called', async (address) => {
  const { post } = posting({ allowed: [], resolve: resolving(address) });
  await expect(post(to('https://hooks.example.com/'))).rejects.toThrow(
    `\`hooks.example.com\` at \`${address}\` may not be called`,
  );
});

it('one private address among public ones is enough to refuse the name', async () => {
  const before = receiver.connections();
  const { post } = posting({
    allowed: [],
    resolve: resolving('2001:4860:4860::8888', '8.8.8.8', '127.0.0.1'),
  });
  await expect(post(to(`https://hooks.example.com:${receiver.port}/`))).rejects.toThrow('may not be called');
  expect(receiver.connections()).toBe(before);
});

it('the address that was checked is the one that is called, whatever the name server says next', async () => {
  const friend = await startReceiver('127.0.0.2');
  const victim = await startReceiver('127.0.0.3');
  const answers = ['127.0.0.2', '127.0.0.3', '127.0.0.3'];
  let asked = 0;
  const resolve: Resolve = async () => {
    const address = answers[asked] ?? '127.0.0.3';
    asked += 1;
    return [{ address, family: 4 }];
  };
  const options = { allowed: ['127.0.0.2/32'], resolve };
  const url = `http://rebinding.example.com:${friend.port}/`;
  expect(await posting(options).post(to(url))).toMatchObject({ status: 204 });
  expect([asked, friend.calls.length]).toEqual([1, 1]);
  await expect(posting(options).post(to(`http://rebinding.example.com:${victim.port}/`))).rejects.toThrow(
    '`rebinding.example.com` at `127.0.0.3` may not be called: loopback',
  );
  expect([asked, victim.connections()]).toEqual([2, 0]);
});

it('plain http reaches allowed networks only', async () => {
  const { post } = posting({ resolve: resolving('8.8.8.8') });
  await expect(post(to('http://hooks.example.com/'))).rejects.toThrow('to be called by https only');
  await expect(post(to('http://8.8.8.8/'))).rejects.toThrow('to be called by https only');
});

it('the host keeps its name, so that its certificate and its virtual host are found', async () => {
  const { port, hosts } = await tlsServer();
  const { cert: ca } = testCertificate;
  const resolve = resolving('127.0.0.1');
  expect(await posting({ ca, resolve }).post(to(`https://hooks.example.com:${port}/`))).toMatchObject({
    status: 200,
  });
  await expect(posting({ ca, resolve }).post(to(`https://other.example.com:${port}/`))).rejects.toThrow(
    "does not match certificate's altnames",
  );
  await expect(posting({ resolve }).post(to(`https://hooks.example.com:${port}/`))).rejects.toThrow(
    'self-signed certificate',
  );
  expect(hosts).toEqual([`hooks.example.com:${port}`]);
});

/** A server over TLS that answers 200 and keeps by which names it was called. */
async function tlsServer(): Promise<{ port: number; hosts: (string | undefined)[] }> {
  const hosts: (string | undefined)[] = [];
  const server = createTlsServer(testCertificate, (request, response) => {
    hosts.push(request.headers.host);
    response.end();
  });
  const port = await listening(server, '127.0.0.1');
  afterFile(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return { port, hosts };
}

it('a name that is not there is an error and no hang', async () => {
  await expect(posting({ resolve: unknownName }).post(to('https://gone.example.com/'))).rejects.toThrow(
    'ENOTFOUND',
  );
  await expect(posting({ resolve: resolving() }).post(to('https://gone.example.com/'))).rejects.toThrow(
    'has no address',
  );
});

it('a receiver that takes the call and says nothing is given up after the time limit', async () => {
  receiver.behave(() => undefined);
  await expect(posting({ timeout: 100 }).post(to(receiver.url))).rejects.toThrow('no answer within 100 ms');
  expect(receiver.calls).toHaveLength(1);
});

it('the time limit holds for names, connections and handshakes too', async () => {
  const silent = await rawServer(() => undefined);
  const late = 'no answer within 100 ms';
  await expect(posting({ timeout: 100 }).post(to(`https://${silent}/`))).rejects.toThrow(late);
  await expect(posting({ timeout: 100 }).post(to(`http://${silent}/`))).rejects.toThrow(late);
  await expect(
    posting({ timeout: 100, resolve: neverResolving }).post(to('https://slow.example.com/')),
  ).rejects.toThrow(late);
});

it('headers that trickle in do not extend the time limit', async () => {
  const trickle = await rawServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => socket.write('x-a: b\r\n'), 5);
    socket.on('close', () => clearInterval(timer));
  });
  await expect(posting({ timeout: 100 }).post(to(`http://${trickle}/`))).rejects.toThrow('no answer within');
});

it.each<[string, (socket: Socket) => void]>([
  ['resets the connection', (socket) => socket.once('data', () => socket.resetAndDestroy())],
  ['hangs up', (socket) => socket.once('data', () => socket.end())],
  ['hangs up in the middle of the headers', (socket) => socket.end('HTTP/1.1 200 OK\r\nx-a')],
  ['speaks something else', (socket) => socket.end('+OK Redis\r\n')],
  [
    'switches protocols',
    (socket) => socket.write('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  ],
  ['floods with headers', (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(1_000_000)}\r\n\r\n`)],
  ['says only that it goes on', (socket) => socket.end('HTTP/1.1 103 Early Hints\r\n\r\n')],
])('a receiver that %s has not answered, and may have the call', async (_, connected) => {
  const raw = await rawServer(connected);
  await expect(posting().post(to(`http://${raw}/`))).rejects.toBeInstanceOf(DeliveryUncertain);
});

it.each<[string, () => Promise<{ url: string; resolve?: Resolve }>]>([
  ['refuses the connection', async () => ({ url: await closedPort() })],
  ['may not be called', async () => ({ url: 'http://10.0.0.1/' })],
  ['has no address', async () => ({ url: 'https://gone.example.com/', resolve: unknownName })],
  ['shakes no hands', async () => ({ url: `https://${await rawServer(() => undefined)}/` })],
  ["has a stranger's certificate", async () => ({ url: `https://127.0.0.1:${(await tlsServer()).port}/` })],
])('a receiver that %s surely does not have the call', async (_, make) => {
  const { url, ...options } = await make();
  const error: unknown = await outcome(posting({ timeout: 100, ...options }).post(to(url)));
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(DeliveryUncertain);
});

async function closedPort(): Promise<string> {
  const server = createServer();
  const port = await listening(server, '127.0.0.1');
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return `http://127.0.0.1:${port}/`;
}

it('what comes before the answer is not the answer', async () => {
  const raw = await rawServer((socket) =>
    socket.end(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n',
    ),
  );
  expect(await posting().post(to(`http://${raw}/`))).toMatchObject({ status: 500 });
});

it('an answer without end is cut off, and counts by its status', async () => {
  let written = 0;
  const chunk = Buffer.alloc(16_384, 'x');
  receiver.behave((response) => {
    response.writeHead(200);
    const more = (): void => {
      if (response.destroyed) return;
      written += chunk.length;
      response.write(chunk, more);
    };
    more();
  });
  expect(await posting().post(to(receiver.url))).toMatchObject({ status: 200 });
  await expect.poll(() => receiver.open()).toBe(0);
  // What the buffers on the way take in beside the limit of 64 KB.
  expect(written).toBeLessThan(20_000_000);
});

it('an answer that trickles is not waited for', async () => {
  receiver.behave((response) => {
    response.writeHead(202);
    const timer = setInterval(() => response.write('.'), 20);
    response.on('close', () => clearInterval(timer));
  });
  expect(await posting().post(to(receiver.url))).toMatchObject({ status: 202 });
  await expect.poll(() => receiver.open()).toBe(0);
});

it('a compressed answer is not unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(30_000_000));
  receiver.behave((response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
  const before = process.memoryUsage().arrayBuffers;
  expect(await posting().post(to(receiver.url))).toMatchObject({ status: 200 });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(15_000_000);
});

it('an answer that breaks off counts by its status', async () => {
  receiver.behave((response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half', () => response.socket?.resetAndDestroy());
  });
  expect(await posting().post(to(receiver.url))).toMatchObject({ status: 200 });
});

it.each<[string, () => Promise<{ url: string; resolve?: Resolve }>]>([
  ['a name is looked up', async () => ({ url: 'https://a.example.com/', resolve: neverResolving })],
  ['hands are shaken', async () => ({ url: `https://${await rawServer(() => undefined)}/` })],
  ['an answer is awaited', async () => ({ url: `http://${await rawServer(() => undefined)}/` })],
])('an abort while %s ends it with the reason', async (_, make) => {
  const { url, ...options } = await make();
  const stopping = new AbortController();
  const sending = posting(options).post(to(url, stopping.signal));
  setImmediate(() => stopping.abort(new Error('the process stops')));
  await expect(sending).rejects.toThrow('the process stops');
});

it('an abort after the status changes nothing about the answer, and ends the rest of it', async () => {
  const stopping = new AbortController();
  receiver.behave((response) => {
    response.writeHead(200);
    response.write('.', () => {
      // Both ends run in this process: after some turns of its loop what was written has been read.
      let turns = 0;
      const timer = setInterval(() => {
        turns += 1;
        if (turns < 20) return;
        clearInterval(timer);
        stopping.abort(new Error('too late'));
      }, 1);
    });
  });
  expect(await posting().post(to(receiver.url, stopping.signal))).toMatchObject({ status: 200 });
  expect(stopping.signal.aborted).toBe(true);
  await expect.poll(() => receiver.open()).toBe(0);
});
