import { type Call, type Row, STAMP } from '../checks/index.ts';
import type { Act, Mix } from './mix.ts';

const GROUPS = ['g0', 'g1', 'g2'];
const BRANDS = ['x', 'y', 'z'];
const SKUS = ['s0', 's1', 's2', 's3'];

/** Chooses what one client does next. Every body that it makes is unlike any other. */
export class Chooser {
  readonly #client: number;
  readonly #mix: Mix;
  readonly #random: () => number;
  /** Versions that this client was told last, by model and id. */
  readonly #versions = new Map<string, number>();
  #bodies = 0;

  constructor(client: number, mix: Mix, random: () => number) {
    this.#client = client;
    this.#mix = mix;
    this.#random = random;
  }

  /** `token`: what the client's session has seen; null where it has no session. */
  next(inSession: boolean, token: string | null): Call {
    const act = this.#act();
    switch (act) {
      case 'read':
        return { kind: 'read', ...this.#key(), ...this.#freshness(inSession, token) };
      case 'list':
        return this.#list(inSession, token);
      case 'ticket':
        return { kind: 'create', model: 'Ticket', id: null, body: { [STAMP]: this.#stamp() } };
      case 'bulk':
        return { kind: 'bulk', model: 'Item', bodies: this.#bulkBodies() };
      case 'brand':
        return this.#brand();
      default:
        return this.#item(act);
    }
  }

  /** Remembers a version for conditions to come. */
  learn(model: string, id: string, version: number): void {
    this.#versions.set(`${model}/${id}`, version);
  }

  #act(): Act {
    const { weights } = this.#mix;
    let at = this.#random() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    for (const [act, weight] of Object.entries(weights)) {
      at -= weight;
      if (at < 0 && isAct(act, weights)) return act;
    }
    return 'read';
  }

  #item(act: 'put' | 'patch' | 'create' | 'delete'): Call {
    const id = this.#hotKey();
    const model = 'Item';
    const ifMatch = this.#condition(model, id);
    switch (act) {
      case 'create':
        return { kind: 'create', model, id, body: this.#itemBody(id) };
      case 'delete':
        return { kind: 'delete', model, id, ifMatch };
      case 'patch':
        return { kind: 'patch', model, id, body: this.#patchBody(), ifMatch };
      case 'put': {
        const onlyIfAbsent = ifMatch === null && this.#chance(0.3);
        return { kind: 'put', model, id, body: this.#itemBody(id), ifMatch, onlyIfAbsent };
      }
    }
  }

  #brand(): Call {
    const [model, id] = ['Brand', this.#oneOf(BRANDS)];
    const body = { id, [STAMP]: this.#stamp() };
    const ifMatch = this.#condition(model, id);
    if (this.#chance(0.3)) return { kind: 'delete', model, id, ifMatch };
    if (this.#chance(0.5)) return { kind: 'create', model, id, body };
    return { kind: 'put', model, id, body, ifMatch, onlyIfAbsent: false };
  }

  #list(inSession: boolean, token: string | null): Call {
    const model = this.#chance(0.8) ? 'Item' : 'Brand';
    const isFiltered = model === 'Item' && this.#chance(0.6);
    const filter = isFiltered ? { field: 'group', value: this.#oneOf(GROUPS) } : null;
    return { kind: 'list', model, filter, ...this.#freshness(inSession, token) };
  }

  /**
   * Sessions do not read eventually: what such a read saw may be older than the session's token,
   * and its own token would take the session back.
   */
  #freshness(inSession: boolean, token: string | null) {
    if (this.#chance(0.4)) return { consistency: 'strong', minToken: null } as const;
    if (inSession) return { consistency: 'sequential', minToken: token } as const;
    return { consistency: this.#chance(0.7) ? 'eventual' : 'strong', minToken: null } as const;
  }

  #key(): { readonly model: string; readonly id: string } {
    if (this.#chance(0.85)) return { model: 'Item', id: this.#hotKey() };
    return { model: 'Brand', id: this.#oneOf(BRANDS) };
  }

  #condition(model: string, id: string): number | null {
    const version = this.#versions.get(`${model}/${id}`);
    return version !== undefined && this.#chance(this.#mix.conditional) ? version : null;
  }

  /** Mostly ids of its own, so that all of them or none must be there in the end. */
  #bulkBodies(): readonly Row[] {
    const count = 2 + Math.floor(this.#random() * 4);
    const own = this.#chance(0.7);
    const ids = Array.from({ length: count }, (_, at) =>
      own ? `b${this.#client}.${this.#bodies}.${at}` : `k${at % this.#mix.hotKeys}`,
    );
    return [...new Set(ids)].map((id) => this.#itemBody(id));
  }

  #itemBody(id: string): Row {
    const stamp = this.#stamp();
    return {
      id,
      [STAMP]: stamp,
      group: this.#oneOf(GROUPS),
      amount: Math.floor(this.#random() * 100),
      sku: this.#sku(stamp),
      brand: this.#chance(0.3) ? this.#oneOf(BRANDS) : null,
    };
  }

  #patchBody(): Row {
    const stamp = this.#stamp();
    const amount = Math.floor(this.#random() * 100);
    return {
      [STAMP]: stamp,
      ...(this.#chance(0.5) && { amount }),
      ...(this.#chance(0.3) && { group: this.#oneOf(GROUPS) }),
      ...(this.#chance(0.2) && { sku: this.#sku(stamp) }),
    };
  }

  #sku(stamp: string): string | null {
    if (this.#chance(0.5)) return null;
    return this.#chance(0.5) ? this.#oneOf(SKUS) : stamp;
  }

  #stamp(): string {
    this.#bodies += 1;
    return `c${this.#client}.${this.#bodies}`;
  }

  #hotKey(): string {
    return `k${Math.floor(this.#random() * this.#mix.hotKeys)}`;
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #oneOf(values: readonly string[]): string {
    return values[Math.floor(this.#random() * values.length)] ?? '';
  }
}

function isAct(name: string, weights: Mix['weights']): name is Act {
  return Object.hasOwn(weights, name);
}
