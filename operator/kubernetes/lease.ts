import type { KubernetesApi } from './api.ts';
import { KubernetesError } from './errors.ts';
import { isRecord, type KubeObject } from './object.ts';

/** Times of a leader election, as in client-go. */
export interface LeaseTiming {
  /** Others wait this long after the last renewal they saw. */
  readonly durationMs: number;
  /** The holder gives up when it could not renew for this long. */
  readonly renewDeadlineMs: number;
  /** Time between two attempts. */
  readonly retryMs: number;
}

/** 15, 10 and 2 seconds. */
export const DEFAULT_LEASE_TIMING: LeaseTiming = {
  durationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
};

/** What a lease said, and when by our own clock we saw it change: clocks are never compared. */
export interface LeaseRecord {
  readonly holder: string;
  readonly renewTime: string;
  readonly seenAtMs: number;
  readonly durationMs: number;
}

/** Whether to take or renew a lease now. */
export function leaseDecision(
  record: LeaseRecord,
  identity: string,
  nowMs: number,
): 'renew' | 'take' | 'wait' {
  if (record.holder === identity) return 'renew';
  if (record.holder === '') return 'take';
  return nowMs - record.seenAtMs >= record.durationMs ? 'take' : 'wait';
}

interface ElectionOptions {
  readonly name: string;
  readonly namespace: string;
  readonly identity: string;
  readonly timing: LeaseTiming;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/** One process of many leads while it holds a Lease; losing it is final for the process. */
export class LeaderElection {
  readonly #api: KubernetesApi;
  readonly #options: ElectionOptions;
  #seen: LeaseRecord | null = null;
  #stopped = false;
  #wake: (() => void) | null = null;

  constructor(api: KubernetesApi, options: ElectionOptions) {
    this.#api = api;
    this.#options = options;
  }

  /** Waits until this process holds the lease; false where it was stopped before. */
  async acquire(): Promise<boolean> {
    while (!this.#stopped) {
      if (await this.#attempt()) return true;
      await this.#pause();
    }
    return false;
  }

  /** Renews until the lease is lost (resolves false) or the election is stopped (resolves true). */
  async hold(): Promise<boolean> {
    const { timing, now } = this.#options;
    let renewedAtMs = now();
    while (!this.#stopped) {
      await this.#pause();
      if (this.#stopped) break;
      const startedMs = now();
      if (await this.#attempt()) renewedAtMs = startedMs;
      else if (this.#taken() || now() - renewedAtMs >= timing.renewDeadlineMs) return false;
    }
    return true;
  }

  /** Ends `acquire` and `hold`; the lease stays as it is. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  /** Gives the lease up, so that the next one need not wait for it to run out. */
  async release(): Promise<void> {
    const lease = await this.#read();
    if (lease === null || specOf(lease)['holderIdentity'] !== this.#options.identity) return;
    const spec = { ...specOf(lease), holderIdentity: '', leaseDurationSeconds: 1 };
    await this.#api.replace({ ...lease, spec });
  }

  #taken(): boolean {
    const holder = this.#seen?.holder ?? '';
    return holder !== '' && holder !== this.#options.identity;
  }

  async #attempt(): Promise<boolean> {
    try {
      return await this.#tryOnce();
    } catch (error) {
      // Somebody else was faster; the next attempt sees what they wrote.
      if (!(error instanceof KubernetesError && error.conflict)) this.#options.onError(error);
      return false;
    }
  }

  async #tryOnce(): Promise<boolean> {
    const { identity, name, namespace, now } = this.#options;
    const lease = await this.#read();
    if (lease === null) {
      const metadata = { name, namespace };
      const object = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata };
      await this.#api.create({ ...object, spec: this.#ownSpec({}, true) });
      return true;
    }
    this.#observe(specOf(lease));
    if (this.#seen === null) return false;
    const decision = leaseDecision(this.#seen, identity, now());
    if (decision === 'wait') return false;
    await this.#api.replace({ ...lease, spec: this.#ownSpec(specOf(lease), decision === 'take') });
    return true;
  }

  #observe(spec: Record<string, unknown>): void {
    const holder = text(spec['holderIdentity']);
    const renewTime = text(spec['renewTime']);
    const seconds = spec['leaseDurationSeconds'];
    const durationMs =
      typeof seconds === 'number' ? seconds * 1_000 : this.#options.timing.durationMs;
    if (this.#seen?.holder === holder && this.#seen.renewTime === renewTime) return;
    this.#seen = { holder, renewTime, durationMs, seenAtMs: this.#options.now() };
  }

  #ownSpec(previous: Record<string, unknown>, taking: boolean): Record<string, unknown> {
    // metav1.MicroTime wants exactly six digits of a second.
    const time = `${new Date(this.#options.now()).toISOString().slice(0, -1)}000Z`;
    const transitions = previous['leaseTransitions'];
    const count = typeof transitions === 'number' ? transitions : 0;
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: this.#options.timing.durationMs / 1_000,
      renewTime: time,
      acquireTime: taking ? time : previous['acquireTime'],
      leaseTransitions: taking ? count + 1 : count,
    };
  }

  #read(): Promise<KubeObject | null> {
    return this.#api.get('Lease', this.#options.name, this.#options.namespace);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.timing.retryMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function specOf(lease: KubeObject): Record<string, unknown> {
  return isRecord(lease['spec']) ? lease['spec'] : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
