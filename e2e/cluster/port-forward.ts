import { spawnProcess } from './shell.ts';

/** A way from this machine to a Service. */
interface PortForward {
  readonly url: string;
  close(): void;
}

/** Forwards a free local port; kubectl picks one pod behind the Service and stays with it. */
export function portForward(namespace: string, target: string, port: number): Promise<PortForward> {
  const words = ['port-forward', '-n', namespace, target, `:${port}`, '--address', '127.0.0.1'];
  const child = spawnProcess('kubectl', words);
  return new Promise((resolve, reject) => {
    let output = '';
    const onData = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
      const [, local] = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(output) ?? [];
      if (local === undefined) return;
      resolve({ url: `http://127.0.0.1:${local}`, close: () => child.kill('SIGTERM') });
    };
    child.stdout?.on('data', onData);
    child.stderr?.on('data', onData);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`port-forward ended with ${code}: ${output}`)));
  });
}
