import { connect } from 'node:net';

/**
 * Asks a Redis for its process id with our password; undefined when it does not answer within `within` milliseconds.
 * Written by hand, as a client library would go on trying and say so on the console.
 */
export function redisPid(port: number, password: string, within = 5_000): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const finish = (pid: number | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(pid);
    };
    const timer = setTimeout(() => finish(undefined), within);
    let answer = '';
    socket.setEncoding('latin1');
    socket.once('connect', () => socket.write(`AUTH ${password}\r\nINFO server\r\n`));
    socket.on('data', (chunk) => {
      answer += String(chunk);
      if (answer.startsWith('-')) return finish(undefined);
      const found = /\r\nprocess_id:(\d+)\r\n/.exec(answer);
      if (found !== null) finish(Number(found[1]));
    });
    socket.once('error', () => finish(undefined));
    socket.once('close', () => finish(undefined));
  });
}
