import type { PeerAddress } from './consensus/index.ts';
import type { InitialMember } from './options.ts';

/**
 * Where peers are found. The member table says it, but a whole cluster may be started again on
 * other addresses, and then the table is old on every disk. So for members that are in the table
 * when this node starts, what it was started with comes first, until the table says something new;
 * for those that join later, such as one that takes the place of a lost one of its name, the table
 * comes first. Where the two differ, the other place is tried as well.
 */
export class KnownAddresses {
  readonly #given: ReadonlyMap<string, string>;
  /** Addresses as the table had them when this node started; null before. */
  #atStart: ReadonlyMap<number, string> | null = null;

  constructor(initialCluster: readonly InitialMember[]) {
    this.#given = new Map(initialCluster.map(({ name, address }) => [name, address]));
  }

  /** The peers of the member table with the addresses to dial. */
  of(peers: readonly PeerAddress[]): PeerAddress[] {
    if (peers.length > 0) this.#atStart ??= new Map(peers.map(({ id, address }) => [id, address]));
    return peers.map((peer) => this.#addressed(peer));
  }

  #addressed(peer: PeerAddress): PeerAddress {
    const given = this.#given.get(peer.name);
    if (given === undefined || given === peer.address) return peer;
    return this.#atStart?.get(peer.id) === peer.address
      ? { ...peer, address: given, otherAddress: peer.address }
      : { ...peer, otherAddress: given };
  }
}
