import { request } from 'node:http';
import type { Agent } from 'node:http';

/** One POST of JSON over a kept connection. Rejects unless the answer is 200. */
export async function post(agent: Agent, url: string, key: string, body: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${response.statusCode}`));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
