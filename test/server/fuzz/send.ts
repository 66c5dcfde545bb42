import { Agent, request } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Call } from './calls.js';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  readonly ms: number;
}

/** Sends exactly this call; `fetch` would mend addresses and refuse bodies of GET. */
export function send(url: string, call: Call, agent: Agent): Promise<Reply> {
  const { hostname, port } = new URL(url);
  const began = performance.now();
  const { method, target, headers, body } = call;
  const length = body === undefined ? {} : { 'content-length': String(body.length) };
  return new Promise((resolve, reject) => {
    const sending = request(
      { hostname, port, agent, method, path: target, headers: { ...headers, ...length } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString('utf8'),
            ms: performance.now() - began,
          }),
        );
      },
    );
    sending.on('error', reject);
    sending.end(body);
  });
}

/** The call as a line for a shell; a body that a terminal cannot show is packed. */
export function curlOf(url: string, { method, target, headers, body }: Call): string {
  const words = ['curl', '-sS', '--path-as-is', '-X', method, quoted(url + target)];
  for (const [name, value] of Object.entries(headers)) words.push('-H', quoted(`${name}: ${value}`));
  if (body === undefined) return words.join(' ');
  const text = body.toString('utf8');
  if (body.length < 2_000 && Buffer.from(text).equals(body) && !/[^\P{C}\n]/u.test(text))
    return [...words, '--data-binary', quoted(text)].join(' ');
  const packed = gzipSync(body).toString('base64');
  return `echo ${packed} | base64 -d | gzip -d | ${words.join(' ')} --data-binary @-`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
