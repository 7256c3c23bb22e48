import type { Server } from 'node:http';
import { type KnownCluster, readKnownCluster } from './cluster-directory.ts';
import {
  PeerListener,
  type PeerNetwork,
  type TlsMaterial,
  TlsPeerNetwork,
} from './consensus/index.ts';
import type { Keyring } from './encryption/index.ts';
import type { NodeError } from './exit.ts';
import { createGateway } from './gateway/index.ts';
import type { Admit } from './http/index.ts';
import {
  AdminClient,
  type AdminHandler,
  type InitialPeer,
  serveAdmin,
} from './membership/index.ts';
import { NodeCore } from './node-core.ts';
import type { CoreWorld, NodeApi, NodeNetwork } from './node-parts.ts';
import type { InitialMember, NodeOptions } from './options.ts';

/** Everything of the world that a node touches. */
export interface NodeWorld extends Omit<CoreWorld, 'processMetrics' | 'defer'> {
  readonly tls: TlsMaterial;
}

/** One node on real ports: {@link NodeCore} behind HTTP servers and a mutual-TLS listener. */
export class LithairNode {
  readonly #core: NodeCore;

  /** @param onEnd hears of a failure after which the process must end */
  constructor(options: NodeOptions, world: NodeWorld, onEnd: (error: NodeError) => void) {
    const network = new ServedNetwork(options, world);
    this.#core = new NodeCore(options, { ...world, processMetrics: true }, network, onEnd);
  }

  /**
   * Resolves once the node serves.
   *
   * @throws NodeError, LogError or a listen error where it cannot
   */
  start(): Promise<void> {
    return this.#core.start();
  }

  /** Hands leadership over, finishes what is under way, closes everything. */
  stop(): Promise<void> {
    return this.#core.stop();
  }

  /** Takes changed master keys in, where they open everything that is here. */
  changeKeys(keyring: Keyring): Promise<void> {
    return this.#core.changeKeys(keyring);
  }
}

/** The machine's ports: API, ops, and peers with the admin API. */
class ServedNetwork implements NodeNetwork {
  readonly admit: Admit;
  readonly #options: NodeOptions;
  readonly #world: NodeWorld;
  readonly #gateway = createGateway();
  readonly #servers: Server[] = [];
  #peerListener: PeerListener | null = null;

  constructor(options: NodeOptions, world: NodeWorld) {
    this.#options = options;
    this.#world = world;
    this.admit = this.#gateway.admit;
  }

  async serveApi(api: NodeApi): Promise<void> {
    const { host, port, opsPort } = this.#options;
    for (const [listener, at] of [
      [api.apiListener, port],
      [api.opsListener, opsPort],
    ] as const) {
      const server = this.#gateway.createServer(listener);
      await listening(server, host, at);
      this.#servers.push(server);
    }
  }

  async servePeers(admin: AdminHandler): Promise<PeerNetwork> {
    const { peerHost, peerPort } = this.#options;
    const { tls, logger } = this.#world;
    const listener = new PeerListener(tls, logger);
    serveAdmin(listener, admin, logger);
    await listener.listen(peerHost, peerPort);
    this.#peerListener = listener;
    return new TlsPeerNetwork(listener, tls);
  }

  peer({ name, address }: InitialMember): InitialPeer {
    return new AdminClient({ address, material: this.#world.tls, member: name });
  }

  knownCluster(): Promise<KnownCluster | null> {
    return readKnownCluster(this.#options.clusterDir);
  }

  drain(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeIdleConnections();
    }
  }

  async close(): Promise<void> {
    for (const server of this.#servers) server.closeAllConnections();
    await this.#peerListener?.close();
  }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
