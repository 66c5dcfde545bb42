import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { pause } from '../../src/embedded/processes.js';

/** How bytes travel: at once, each chunk late by so many milliseconds, or in small pieces. */
export type Flow =
  | { readonly kind: 'pass' }
  | { readonly kind: 'latency'; readonly ms: number }
  | { readonly kind: 'trickle' };

/** A port of the loopback interface that leads to a server and can be made as bad as a network. */
export interface TcpProxy {
  readonly port: number;
  setFlow(flow: Flow): void;
  /** Resets every connection. Answers how many there were. */
  reset(): number;
  /**
   * From now on nothing arrives any more on the connections that exist, in either direction, and neither side learns of
   * it; with `newToo`, connections made meanwhile are as dead. The function that it answers ends this the way a network
   * does: the dead connections are reset, and later ones work.
   */
  halfOpen(newToo: boolean): () => void;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  dead: boolean;
}

export async function startProxy(target: { readonly port: number }): Promise<TcpProxy> {
  const links = new Set<Link>();
  let flow: Flow = { kind: 'pass' };
  let swallowing = false;

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: '127.0.0.1', port: target.port, noDelay: true });
    const link: Link = { client, server: upstream, dead: swallowing };
    links.add(link);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      const forward = forwarder(link, from, to, () => flow);
      from.on('data', forward);
      from.on('error', () => undefined);
      from.on('end', () => {
        if (!link.dead) to.end();
      });
      from.on('close', () => {
        // The other side of a dead connection must not hear of it.
        if (link.dead) return;
        links.delete(link);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  const end = (which: (link: Link) => boolean): number => {
    const ending = [...links].filter(which);
    for (const link of ending) {
      links.delete(link);
      link.client.resetAndDestroy();
      link.server.resetAndDestroy();
    }
    return ending.length;
  };

  return {
    port,
    setFlow(next) {
      flow = next;
    },
    reset: () => end((link) => !link.dead),
    halfOpen(newToo) {
      swallowing = newToo;
      for (const link of links) link.dead = true;
      return () => {
        swallowing = false;
        end((link) => link.dead);
      };
    },
    async close() {
      end(() => true);
      server.close();
      await once(server, 'close');
    },
  };
}

/** Hands chunks on in order, however the flow changes between them. */
function forwarder(link: Link, from: Socket, to: Socket, flow: () => Flow): (chunk: Buffer) => void {
  let queued = 0;
  let tail = Promise.resolve();
  const write = (chunk: Buffer): void => {
    if (link.dead || to.destroyed || to.writableEnded) return;
    if (to.write(chunk)) return;
    from.pause();
    to.once('drain', () => from.resume());
  };
  const send = async (chunk: Buffer, how: Flow, due: number, before: Promise<void>): Promise<void> => {
    await before;
    if (due > performance.now()) await pause(due - performance.now());
    const size = how.kind === 'trickle' ? Math.max(16, Math.ceil(chunk.length / 20)) : chunk.length;
    for (let at = 0; at < chunk.length; at += size) {
      write(chunk.subarray(at, at + size));
      if (how.kind === 'trickle') await pause(2);
    }
    queued -= 1;
  };
  return (chunk) => {
    const now = flow();
    if (now.kind === 'pass' && queued === 0) return write(chunk);
    const due = performance.now() + (now.kind === 'latency' ? now.ms : 0);
    queued += 1;
    tail = send(chunk, now, due, tail);
  };
}
