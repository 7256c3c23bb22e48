// A B+tree of row numbers in the order of (key, id), which are read from the rows themselves.
// Leaves are linked both ways, splits at the right end leave the left node full (ids that are made
// in order fill leaves wholly), and a node goes when it is empty (free-at-empty: Johnson and Shasha,
// "B-trees with inserts and deletes", JCSS 47(1), 1993).
//
// A node is 256 words. Leaf: count, next, previous, rows. Branch: count, 0, 0, then pairs of a
// child and its lowest row. That of child 0 is kept only from the moment on that it was not the
// first: nobody compares with it. A lowest row is in the tree, so its key can be read; therefore a
// row must leave the tree before its key changes.

import { PAGE_WORDS, PagedWords, pageOf } from './paged-words.ts';
import { NO_TEXT, type Probe } from './probe.ts';
import type { RowReader } from './row-reader.ts';

const NODE_SHIFT = 8;
const NODE_WORDS = 1 << NODE_SHIFT;
const PAGE_SHIFT = Math.log2(PAGE_WORDS) - NODE_SHIFT;
const PAGE_MASK = (1 << PAGE_SHIFT) - 1;
const HEAD = 3;
const NEXT = 1;
const PREVIOUS = 2;
const LEAF_CAPACITY = NODE_WORDS - HEAD;
const BRANCH_CAPACITY = (NODE_WORDS - HEAD - 1) >>> 1;
const MAX_HEIGHT = 8;

/**
 * A place between rows. `id` null: behind every row of the key; otherwise before the row
 * (key, id), or behind it where `behind` is set. `key` null: in a tree by id alone.
 */
export interface Place {
  readonly key: Probe | null;
  readonly id: Probe | null;
  readonly behind: boolean;
}

/** Row numbers in order. */
export class RowTree {
  private readonly rows: RowReader;
  private position: number;
  private readonly words: PagedWords;
  private root = 0;
  private lastLeaf = 0;
  private height = 0;
  private count = 0;
  /** Nodes in use or free; 0 is none. */
  private nodes = 0;
  private freeNode = 0;
  /** The way to a leaf: branches, and the child taken in each. */
  private readonly path = new Int32Array(MAX_HEIGHT);
  private readonly slots = new Int32Array(MAX_HEIGHT);
  private readonly sought: { key: Probe | null; id: Probe | null; behind: boolean };

  /** @param position the indexed field that it is by, or `ID` for ids alone */
  constructor(rows: RowReader, position: number, words = new PagedWords()) {
    this.rows = rows;
    this.position = position;
    this.words = words;
    this.sought = { key: null, id: null, behind: false };
  }

  get size(): number {
    return this.count;
  }

  get bytes(): number {
    return this.words.bytes;
  }

  /** A tree by another position with the same rows, where all of them have one key there. */
  fork(position: number): RowTree {
    const tree = new RowTree(this.rows, position, this.words.fork());
    tree.root = this.root;
    tree.lastLeaf = this.lastLeaf;
    tree.height = this.height;
    tree.count = this.count;
    tree.nodes = this.nodes;
    tree.freeNode = this.freeNode;
    return tree;
  }

  /** The keys that it is by have another position from now on. */
  moveTo(position: number): void {
    this.position = position;
  }

  /** Puts a row in that is not there. Its record must hold what the probes do. */
  insert(row: number, key: Probe | null, id: Probe): void {
    this.aim(key, id);
    if (this.root === 0) this.plant();
    const isLast = this.isBehindAll();
    const leaf = isLast ? this.descendRight() : this.descend(this.sought);
    const at = isLast ? this.word(leaf, 0) : this.positionIn(leaf, this.sought);
    this.count += 1;
    if (this.word(leaf, 0) < LEAF_CAPACITY) this.insertInto(leaf, at, row);
    else this.splitLeaf(leaf, at, row);
  }

  /** Whether (key, id) stands behind every row. */
  isLast(key: Probe | null, id: Probe): boolean {
    this.aim(key, id);
    return this.isBehindAll();
  }

  /** Takes a row out, while its record is still the one that it was put in with. */
  delete(row: number, key: Probe | null, id: Probe): void {
    this.aim(key, id);
    const leaf = this.root === 0 ? 0 : this.descend(this.sought);
    const at = leaf === 0 ? 0 : this.positionIn(leaf, this.sought);
    if (leaf === 0 || this.word(leaf, HEAD + at) !== row || at >= this.word(leaf, 0)) {
      throw new RangeError('a row is not where its key says');
    }
    this.count -= 1;
    const page = this.own(leaf);
    const base = baseOf(leaf);
    const count = page[base] ?? 0;
    page.copyWithin(base + HEAD + at, base + HEAD + at + 1, base + HEAD + count);
    page[base] = count - 1;
    if (count === 1) this.removeLeaf(leaf);
    else if (at === 0) this.lower(this.height, this.word(leaf, HEAD));
  }

  /** The first row of a key. */
  first(key: Probe): number {
    for (const row of this.ascending({ key, id: NO_TEXT, behind: false })) {
      return this.rows.equals(row, this.position, key) ? row : 0;
    }
    return 0;
  }

  /** Rows from one place to another, upwards. The tree must not change meanwhile. */
  *ascending(from?: Place, to?: Place): Generator<number, void, undefined> {
    if (this.root === 0) return;
    let leaf = from === undefined ? this.firstLeaf() : this.descend(from);
    let at = from === undefined ? 0 : this.positionIn(leaf, from);
    for (; leaf !== 0; leaf = this.word(leaf, NEXT), at = 0) {
      const count = this.word(leaf, 0);
      const end = to === undefined ? count : this.positionIn(leaf, to);
      for (; at < end; at++) yield this.word(leaf, HEAD + at);
      if (end < count) return;
    }
  }

  /** Rows from the upper place down to the lower one. The tree must not change meanwhile. */
  *descending(upper?: Place, lower?: Place): Generator<number, void, undefined> {
    if (this.root === 0) return;
    let leaf = upper === undefined ? this.lastLeaf : this.descend(upper);
    let at = upper === undefined ? this.word(leaf, 0) : this.positionIn(leaf, upper);
    while (leaf !== 0) {
      const start = lower === undefined ? 0 : this.positionIn(leaf, lower);
      while (at > start) yield this.word(leaf, HEAD + --at);
      if (start > 0) return;
      leaf = this.word(leaf, PREVIOUS);
      at = leaf === 0 ? 0 : this.word(leaf, 0);
    }
  }

  /** The rows as they are now, upwards; changes do not show. */
  freeze(): Iterable<number> {
    const first = this.root === 0 ? 0 : this.firstLeaf();
    return frozenRows(this.words.freeze(), first);
  }

  private aim(key: Probe | null, id: Probe): void {
    this.sought.key = key;
    this.sought.id = id;
  }

  private isBehindAll(): boolean {
    if (this.count === 0) return true;
    const last = this.word(this.lastLeaf, HEAD + this.word(this.lastLeaf, 0) - 1);
    return this.standsBefore(last, this.sought);
  }

  private standsBefore(row: number, { key, id, behind }: Place): boolean {
    const standing = this.rows.standing(row, this.position, key, id);
    return standing < 0 || (standing === 0 && behind);
  }

  private plant(): void {
    this.root = this.newNode();
    this.lastLeaf = this.root;
    this.height = 0;
  }

  private firstLeaf(): number {
    let node = this.root;
    for (let level = 0; level < this.height; level++) node = this.word(node, HEAD);
    return node;
  }

  private descend(place: Place): number {
    let node = this.root;
    for (let level = 0; level < this.height; level++) {
      const slot = this.childFor(node, place);
      this.path[level] = node;
      this.slots[level] = slot;
      node = this.word(node, HEAD + slot * 2);
    }
    return node;
  }

  private descendRight(): number {
    let node = this.root;
    for (let level = 0; level < this.height; level++) {
      const slot = this.word(node, 0) - 1;
      this.path[level] = node;
      this.slots[level] = slot;
      node = this.word(node, HEAD + slot * 2);
    }
    return node;
  }

  /** The child that holds the place; a row equal to a lowest one is in its child. */
  private childFor(branch: number, place: Place): number {
    let low = 1;
    let high = this.word(branch, 0);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = this.word(branch, HEAD + middle * 2 + 1);
      if (this.rows.standing(row, this.position, place.key, place.id) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** How many rows of a leaf stand before a place. */
  private positionIn(leaf: number, place: Place): number {
    let low = 0;
    let high = this.word(leaf, 0);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.standsBefore(this.word(leaf, HEAD + middle), place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private insertInto(leaf: number, at: number, row: number): void {
    const page = this.own(leaf);
    const base = baseOf(leaf);
    const count = page[base] ?? 0;
    const place = base + HEAD + at;
    if (at < count) page.copyWithin(place + 1, place, base + HEAD + count);
    page[place] = row;
    page[base] = count + 1;
    if (at === 0) this.lower(this.height, row);
  }

  private splitLeaf(leaf: number, at: number, row: number): void {
    const right = this.newNode();
    this.linkAfter(leaf, right);
    const kept =
      at === LEAF_CAPACITY && this.lastLeaf === right ? LEAF_CAPACITY : LEAF_CAPACITY >>> 1;
    this.moveTail(leaf, right, kept, 1);
    if (at > kept || kept === LEAF_CAPACITY) this.place(right, at - kept, row);
    else {
      this.place(leaf, at, row);
      if (at === 0) this.lower(this.height, row);
    }
    this.addChild(this.height - 1, right, this.word(right, HEAD));
  }

  private place(leaf: number, at: number, row: number): void {
    const page = this.own(leaf);
    const base = baseOf(leaf);
    const count = page[base] ?? 0;
    page.copyWithin(base + HEAD + at + 1, base + HEAD + at, base + HEAD + count);
    page[base + HEAD + at] = row;
    page[base] = count + 1;
  }

  /** Moves the items of a node from one on to an empty one. */
  private moveTail(from: number, to: number, kept: number, itemWords: number): void {
    const source = this.own(from);
    const target = this.own(to);
    const [sourceBase, targetBase] = [baseOf(from), baseOf(to)];
    const count = source[sourceBase] ?? 0;
    const start = sourceBase + HEAD + kept * itemWords;
    const end = sourceBase + HEAD + count * itemWords;
    target.set(source.subarray(start, end), targetBase + HEAD);
    target[targetBase] = count - kept;
    source[sourceBase] = kept;
  }

  /** Adds a child behind the one that the path took at a level; above the root, a new root. */
  private addChild(level: number, child: number, lowest: number): void {
    if (level < 0) return this.grow(child, lowest);
    const branch = this.path[level] ?? 0;
    const at = (this.slots[level] ?? 0) + 1;
    if (this.word(branch, 0) < BRANCH_CAPACITY) return this.placeChild(branch, at, child, lowest);
    const right = this.newNode();
    const kept = at === BRANCH_CAPACITY ? BRANCH_CAPACITY : BRANCH_CAPACITY >>> 1;
    this.moveTail(branch, right, kept, 2);
    if (at > kept || kept === BRANCH_CAPACITY) this.placeChild(right, at - kept, child, lowest);
    else this.placeChild(branch, at, child, lowest);
    this.addChild(level - 1, right, this.word(right, HEAD + 1));
  }

  private placeChild(branch: number, at: number, child: number, lowest: number): void {
    const page = this.own(branch);
    const base = baseOf(branch);
    const count = page[base] ?? 0;
    const place = base + HEAD + at * 2;
    page.copyWithin(place + 2, place, base + HEAD + count * 2);
    page[place] = child;
    page[place + 1] = lowest;
    page[base] = count + 1;
  }

  private grow(right: number, lowest: number): void {
    const left = this.root;
    this.root = this.newNode();
    this.height += 1;
    this.placeChild(this.root, 0, left, 0);
    this.placeChild(this.root, 1, right, lowest);
  }

  /** The lowest row below the path's child at `level - 1` became another one. */
  private lower(level: number, row: number): void {
    for (let above = level - 1; above >= 0; above--) {
      const slot = this.slots[above] ?? 0;
      if (slot === 0) continue;
      const branch = this.path[above] ?? 0;
      this.own(branch)[baseOf(branch) + HEAD + slot * 2 + 1] = row;
      return;
    }
  }

  private removeLeaf(leaf: number): void {
    const next = this.word(leaf, NEXT);
    const previous = this.word(leaf, PREVIOUS);
    if (next !== 0) this.setWord(next, PREVIOUS, previous);
    if (previous !== 0) this.setWord(previous, NEXT, next);
    if (this.lastLeaf === leaf) this.lastLeaf = previous;
    this.freeNodeOf(leaf);
    this.removeChild(this.height - 1);
  }

  /** Removes the child that the path took at a level, and every branch that it leaves empty. */
  private removeChild(level: number): void {
    if (level < 0) {
      this.root = 0;
      this.height = 0;
      return;
    }
    const branch = this.path[level] ?? 0;
    const slot = this.slots[level] ?? 0;
    const page = this.own(branch);
    const base = baseOf(branch);
    const count = page[base] ?? 0;
    if (count === 1) {
      this.freeNodeOf(branch);
      return this.removeChild(level - 1);
    }
    const place = base + HEAD + slot * 2;
    page.copyWithin(place, place + 2, base + HEAD + count * 2);
    page[base] = count - 1;
    if (slot === 0) this.lower(level, page[base + HEAD + 1] ?? 0);
    this.shrink();
  }

  /** A root with one child gives way to it. */
  private shrink(): void {
    while (this.height > 0 && this.word(this.root, 0) === 1) {
      const child = this.word(this.root, HEAD);
      this.freeNodeOf(this.root);
      this.root = child;
      this.height -= 1;
    }
  }

  private linkAfter(leaf: number, right: number): void {
    const next = this.word(leaf, NEXT);
    this.setWord(right, NEXT, next);
    this.setWord(right, PREVIOUS, leaf);
    this.setWord(leaf, NEXT, right);
    if (next === 0) this.lastLeaf = right;
    else this.setWord(next, PREVIOUS, right);
  }

  private newNode(): number {
    let node = this.freeNode;
    if (node === 0) node = ++this.nodes;
    else this.freeNode = this.word(node, NEXT);
    const base = baseOf(node);
    this.own(node).fill(0, base, base + HEAD);
    return node;
  }

  private freeNodeOf(node: number): void {
    this.setWord(node, NEXT, this.freeNode);
    this.freeNode = node;
  }

  private word(node: number, at: number): number {
    return pageOf(this.words.pages, node >>> PAGE_SHIFT)[baseOf(node) + at] ?? 0;
  }

  private setWord(node: number, at: number, value: number): void {
    this.own(node)[baseOf(node) + at] = value;
  }

  private own(node: number): Uint32Array {
    return this.words.writable(node >>> PAGE_SHIFT);
  }
}

function baseOf(node: number): number {
  return (node & PAGE_MASK) << NODE_SHIFT;
}

function* frozenRows(
  pages: readonly Uint32Array[],
  first: number,
): Generator<number, void, undefined> {
  for (let leaf = first; leaf !== 0; ) {
    const page = pageOf(pages, leaf >>> PAGE_SHIFT);
    const base = baseOf(leaf);
    const count = page[base] ?? 0;
    for (let at = 0; at < count; at++) yield page[base + HEAD + at] ?? 0;
    leaf = page[base + NEXT] ?? 0;
  }
}
