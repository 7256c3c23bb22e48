/** Who wants to hear when an entry is committed; mostly nobody, and then it costs nothing. */
export class CommitWatch {
  #watched: { readonly index: number; readonly callback: () => void }[] = [];

  /** Calls back once the entry at `index` is committed, or another one in its place. */
  add(index: number, callback: () => void): void {
    this.#watched.push({ index, callback });
  }

  /** Everything up to `index` is committed. */
  advance(index: number): void {
    if (this.#watched.length === 0) return;
    const reached = this.#watched.filter((watched) => watched.index <= index);
    if (reached.length === 0) return;
    this.#watched = this.#watched.filter((watched) => watched.index > index);
    for (const { callback } of reached) callback();
  }
}
