import type { PeerAddress } from './consensus/index.ts';
import type { InitialMember } from './options.ts';

/**
 * Where peers are found. The member table says it, but a whole cluster may be started again on
 * other addresses, and then the table is old on every disk. So what this node was started with
 * counts, until the table says something new.
 */
export class KnownAddresses {
  readonly #given: ReadonlyMap<string, string>;
  readonly #firstSeen = new Map<number, string>();

  constructor(initialCluster: readonly InitialMember[]) {
    this.#given = new Map(initialCluster.map(({ name, address }) => [name, address]));
  }

  /** The peers of the member table with the addresses to dial. */
  of(peers: readonly PeerAddress[]): PeerAddress[] {
    return peers.map((peer) => this.#addressed(peer));
  }

  #addressed(peer: PeerAddress): PeerAddress {
    const firstSeen = this.#firstSeen.get(peer.id) ?? peer.address;
    this.#firstSeen.set(peer.id, firstSeen);
    const given = this.#given.get(peer.name);
    return given === undefined || firstSeen !== peer.address ? peer : { ...peer, address: given };
  }
}
