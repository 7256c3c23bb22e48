import type { KubernetesApi } from './api.ts';
import { type KubeObject, keyOf } from './object.ts';

/** Kinds of event that Kubernetes knows. */
export type EventType = 'Normal' | 'Warning';

/** What a person should know about an object. */
export interface EventNote {
  readonly type: EventType;
  /** CamelCase, stable. */
  readonly reason: string;
  readonly message: string;
}

interface Sent {
  readonly atMs: number;
}

const QUIET_MS = 10 * 60_000;
const MOST_REMEMBERED = 1_000;
const MAX_MESSAGE_LENGTH = 1_000;

/** Writes Events; the same words about the same object at most once in ten minutes. */
export class EventRecorder {
  readonly #api: KubernetesApi;
  readonly #component: string;
  readonly #instance: string;
  readonly #now: () => number;
  readonly #sent = new Map<string, Sent>();

  constructor(api: KubernetesApi, component: string, instance: string, now: () => number) {
    this.#api = api;
    this.#component = component;
    this.#instance = instance;
    this.#now = now;
  }

  /** Records one event. @throws KubernetesError */
  async record(subject: KubeObject, note: EventNote): Promise<void> {
    const nowMs = this.#now();
    const key = `${keyOf(subject.metadata)} ${subject.metadata.uid} ${note.reason} ${note.message}`;
    const last = this.#sent.get(key);
    if (last !== undefined && nowMs - last.atMs < QUIET_MS) return;
    this.#remember(key, nowMs);
    await this.#api.create(this.#event(subject, note, nowMs));
  }

  #remember(key: string, atMs: number): void {
    this.#sent.delete(key);
    this.#sent.set(key, { atMs });
    const oldest = this.#sent.keys().next();
    if (this.#sent.size > MOST_REMEMBERED && oldest.done !== true) this.#sent.delete(oldest.value);
  }

  #event(subject: KubeObject, note: EventNote, nowMs: number): KubeObject {
    const { name, namespace, uid, resourceVersion } = subject.metadata;
    const time = `${new Date(nowMs).toISOString().slice(0, -5)}Z`;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: `${name}.${nowMs.toString(16)}${process.hrtime.bigint().toString(16).slice(-6)}`,
        namespace: namespace ?? 'default',
      },
      involvedObject: {
        apiVersion: subject.apiVersion,
        kind: subject.kind,
        name,
        namespace,
        uid,
        resourceVersion,
      },
      type: note.type,
      reason: note.reason,
      message: note.message.slice(0, MAX_MESSAGE_LENGTH),
      source: { component: this.#component, host: this.#instance },
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    };
  }
}
