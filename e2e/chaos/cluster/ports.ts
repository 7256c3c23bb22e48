import { createServer } from 'node:net';

/**
 * Below the ports that kernels hand out: a member must find its port free when it starts again,
 * and not in use as the near end of somebody's connection.
 */
const FIRST = 18_000;
const LAST = 31_000;

/** So many ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  let port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
  for (let tries = 0; found.length < count; tries += 1) {
    if (tries > LAST - FIRST) throw new Error('there are not enough free ports');
    port = port >= LAST ? FIRST : port + 1;
    if (await isFree(port)) found.push(port);
  }
  return found;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
