/** Sockets whose request may take longer to arrive than others: it has no end that is known. */
const sockets = new WeakSet<object>();

/** Lets the request on a socket take its time; whoever calls this bounds it otherwise. */
export function letTakeItsTime(socket: object): () => void {
  sockets.add(socket);
  return () => void sockets.delete(socket);
}

/** Whether the request on a socket is one that may take its time. */
export function takesItsTime(socket: object): boolean {
  return sockets.has(socket);
}
