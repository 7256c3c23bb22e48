import type { Message } from 'etcd-raft-ts';
import type { PeerTransport } from './consensus/index.ts';

/** Whoever looks on as members speak to each other. It must change nothing. */
export interface MessageObserver {
  /** A message of the core that is on its way to another member. */
  onSend?(message: Message): void;
}

/** The transport, with somebody who looks on; the transport itself where nobody does. */
export function watched(transport: PeerTransport, observer: MessageObserver): PeerTransport {
  if (observer.onSend === undefined) return transport;
  return {
    start: (handler) => transport.start(handler),
    setPeers: (peers) => transport.setPeers(peers),
    send: (to, message) => {
      observer.onSend?.(message);
      transport.send(to, message);
    },
    request: (...request) => transport.request(...request),
    sendSnapshot: (...snapshot) => transport.sendSnapshot(...snapshot),
    close: () => transport.close(),
  };
}
