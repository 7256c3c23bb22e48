import type { LoadRequest } from './load.ts';

/** A replicated store of three or more processes, as the scenarios see it: Lithair's, or etcd's. */
export interface ReplicatedSystem {
  readonly name: string;
  readonly size: number;
  /** The durable write that is repeated, as member `at` takes it. */
  write(at: number): LoadRequest;
  /** The member that leads, once there is one that knows it. */
  leader(): Promise<number>;
  /** SIGKILL, and the end of the process. */
  kill(at: number): Promise<void>;
  /** Starts a member again, and waits until it serves. */
  start(at: number): Promise<void>;
  /** Sends a signal such as SIGSTOP. */
  signal(at: number, signal: NodeJS.Signals): void;
  /** Hands leadership to another member, and resolves once it was answered. */
  transfer(from: number, to: number): Promise<void>;
  stop(): Promise<void>;
}

/** Asks again every 20 ms until there is something other than null; at most a minute. */
export async function eventually<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
  const givesUpMs = performance.now() + 60_000;
  for (;;) {
    const found = await ask().catch(() => null);
    if (found !== null) return found;
    if (performance.now() > givesUpMs) throw new Error(`waited in vain for ${what}`);
    await pause(20);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A JSON answer within a second; null for any other. */
export async function jsonOf(url: string, body?: string): Promise<unknown> {
  const request = body === undefined ? {} : { method: 'POST', body };
  const response = await fetch(url, { ...request, signal: AbortSignal.timeout(1000) });
  const answer: unknown = await response.json();
  return response.ok ? answer : null;
}
