import type { MemberRecord } from '../../ports/index.ts';
import type { StateMachine } from '../ports.ts';

/** What applying an entry gives in tests. */
export interface Applied {
  readonly kind: 'write' | 'member';
  readonly index: number;
  readonly outcome?: { readonly kind: 'applied' | 'rejected' };
}

interface Contents {
  values: [string, string][];
  members: MemberRecord[];
  nextMemberId: number;
  appliedIndex: number;
}

/** A small state machine: `key=value` entries, counted, and the member table. */
export class KeyValueState implements StateMachine<Applied> {
  readonly clusterId = 'cluster-1';
  readonly epoch = 1;
  readonly schemaVersion = 1;
  readonly schemaFingerprint = 'f';
  readonly values = new Map<string, string>();
  /** How often each entry was applied. */
  readonly counts = new Map<string, number>();
  appliedIndex = 0;
  nextMemberId = 1;
  #members: MemberRecord[] = [];

  readyFor(): boolean {
    return true;
  }

  static initial(first: MemberRecord): KeyValueState {
    const state = new KeyValueState();
    state.#members = [first];
    state.nextMemberId = 2;
    return state;
  }

  static async restore(chunks: AsyncIterable<Uint8Array>): Promise<KeyValueState> {
    const bytes = Buffer.concat(await Array.fromAsync(chunks));
    const contents: Contents = JSON.parse(bytes.toString());
    const state = new KeyValueState();
    for (const [key, value] of contents.values) state.values.set(key, value);
    state.#members = contents.members;
    state.nextMemberId = contents.nextMemberId;
    state.appliedIndex = contents.appliedIndex;
    return state;
  }

  apply(index: number, _term: number, data: Uint8Array): Applied {
    this.#advance(index);
    const [key, value] = Buffer.from(data).toString().split('=');
    if (key !== undefined && value !== undefined) {
      this.values.set(key, value);
      const text = `${key}=${value}`;
      this.counts.set(text, (this.counts.get(text) ?? 0) + 1);
    }
    return { kind: 'write', index };
  }

  applyMember(index: number, _term: number, context: Uint8Array): Applied {
    this.#advance(index);
    const change: { put?: MemberRecord; remove?: number } = JSON.parse(
      Buffer.from(context).toString(),
    );
    const { put, remove } = change;
    this.#members = this.#members.filter(({ id }) => id !== put?.id && id !== remove);
    if (put !== undefined) {
      this.#members.push(put);
      this.nextMemberId = Math.max(this.nextMemberId, put.id + 1);
    }
    return { kind: 'member', index, outcome: { kind: 'applied' } };
  }

  members(): readonly MemberRecord[] {
    return this.#members;
  }

  snapshot(): Iterable<Uint8Array> {
    const contents: Contents = {
      values: [...this.values],
      members: this.#members,
      nextMemberId: this.nextMemberId,
      appliedIndex: this.appliedIndex,
    };
    return [Buffer.from(JSON.stringify(contents))];
  }

  #advance(index: number): void {
    if (index !== this.appliedIndex + 1) {
      throw new Error(`entry ${index} applied behind ${this.appliedIndex}`);
    }
    this.appliedIndex = index;
  }
}

export function putMember(member: MemberRecord): Uint8Array {
  return Buffer.from(JSON.stringify({ put: member }));
}

export function removeMember(id: number): Uint8Array {
  return Buffer.from(JSON.stringify({ remove: id }));
}
