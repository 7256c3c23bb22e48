import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Conditions, Pipe } from './pipe.ts';

interface Link {
  readonly from: string;
  readonly to: string;
  readonly server: Server;
  readonly port: number;
  readonly connections: Set<Connection>;
}

interface Connection {
  readonly sockets: readonly Socket[];
  readonly pipes: readonly Pipe[];
}

/**
 * The network between members: each dials each other one through a proxy of its own, so that what
 * goes from a to b and what goes from b to a can be stopped, slowed and cut apart from each other.
 */
export class Mesh {
  readonly #links: Link[] = [];
  readonly #conditions = new Map<string, Conditions>();

  private constructor() {}

  /** @param ports the real peer port of each member */
  static async open(ports: ReadonlyMap<string, number>): Promise<Mesh> {
    const mesh = new Mesh();
    for (const from of ports.keys()) {
      for (const [to, port] of ports) {
        if (from !== to) mesh.#links.push(await mesh.#listen(from, to, port));
      }
    }
    return mesh;
  }

  /** Where `from` reaches `to`. */
  portOf(from: string, to: string): number {
    const link = this.#links.find((candidate) => candidate.from === from && candidate.to === to);
    if (link === undefined) throw new RangeError(`there is no link from ${from} to ${to}`);
    return link.port;
  }

  /** Nothing that `from` sends arrives at `to`, on whosever connection, until {@link heal}. */
  block(from: string, to: string): void {
    this.#change(from, to, { blocked: true });
  }

  /** What `from` sends takes so long to arrive at `to`. */
  delay(from: string, to: string, delayMs: number): void {
    this.#change(from, to, { delayMs });
  }

  /** So large a share of what `from` sends to `to` is lost, and sent again. */
  lose(from: string, to: string, lossShare: number): void {
    this.#change(from, to, { lossShare });
  }

  /** Nothing is blocked or slow between the two. */
  heal(from: string, to: string): void {
    this.#change(from, to, { blocked: false, delayMs: 0 });
  }

  healAll(): void {
    for (const { from, to } of this.#links) {
      this.heal(from, to);
      this.lose(from, to, 0);
    }
  }

  /** Resets each connection for which `chooses` says so; how many there were. */
  reset(chooses: (from: string, to: string) => boolean): number {
    let count = 0;
    for (const { from, to, connections } of this.#links) {
      for (const connection of connections) {
        if (!chooses(from, to)) continue;
        count += 1;
        for (const socket of connection.sockets) socket.resetAndDestroy();
      }
    }
    return count;
  }

  async close(): Promise<void> {
    this.reset(() => true);
    await Promise.all(
      this.#links.map(({ server }) => new Promise((resolve) => server.close(resolve))),
    );
  }

  #change(from: string, to: string, change: Partial<Conditions>): void {
    Object.assign(this.#of(from, to), change);
    for (const link of this.#links) {
      const between = [link.from, link.to];
      if (!between.includes(from) || !between.includes(to)) continue;
      for (const { pipes } of link.connections) for (const pipe of pipes) pipe.flush();
    }
  }

  #of(from: string, to: string): Conditions {
    const name = `${from}>${to}`;
    const conditions = this.#conditions.get(name) ?? { blocked: false, delayMs: 0, lossShare: 0 };
    this.#conditions.set(name, conditions);
    return conditions;
  }

  #listen(from: string, to: string, targetPort: number): Promise<Link> {
    const connections = new Set<Connection>();
    const server = createServer({ allowHalfOpen: true }, (dialer) => {
      this.#join(dialer, targetPort, from, to, connections);
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        if (typeof address !== 'object' || address === null) throw new Error('no TCP address');
        resolve({ from, to, server, port: address.port, connections });
      });
    });
  }

  #join(
    dialer: Socket,
    port: number,
    from: string,
    to: string,
    connections: Set<Connection>,
  ): void {
    const target = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    dialer.setNoDelay(true);
    const sockets = [dialer, target];
    const pipes = [
      new Pipe(dialer, target, this.#of(from, to)),
      new Pipe(target, dialer, this.#of(to, from)),
    ];
    const connection: Connection = { sockets, pipes };
    connections.add(connection);
    const close = (): void => {
      connections.delete(connection);
      for (const pipe of pipes) pipe.close();
      for (const socket of sockets) socket.destroy();
    };
    for (const socket of sockets) socket.on('error', close).on('close', close);
  }
}
