// A B+tree of (key, id) pairs: leaves are linked both ways, splits at the right end leave the left
// leaf full (ids that are made in order fill leaves wholly), and a node goes when it is empty
// (free-at-empty: Johnson and Shasha, "B-trees with inserts and deletes", JCSS 47(1), 1993).

const CAPACITY = 64;

/**
 * A place between pairs. `id` undefined: behind every pair of the key; otherwise before the pair
 * (key, id), or behind it where `behind` is set.
 */
export interface Place {
  readonly key: string;
  readonly id: string | undefined;
  readonly behind: boolean;
}

interface Leaf {
  readonly kind: 'leaf';
  keys: string[];
  ids: string[];
  next: Leaf | undefined;
  previous: Leaf | undefined;
}

/** `lowKeys[i]`, `lowIds[i]`: no pair of child i is smaller. Those of child 0 are not used. */
interface Branch {
  readonly kind: 'branch';
  children: Node[];
  lowKeys: string[];
  lowIds: string[];
}

type Node = Leaf | Branch;

interface Split {
  readonly key: string;
  readonly id: string;
  readonly right: Node;
}

/** Pairs of (key, id) in code unit order, key first. A pair is in it once. */
export class SortedPairs {
  private root: Node = emptyLeaf();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Puts a pair in; false where it is there already. */
  insert(key: string, id: string): boolean {
    const before = this.count;
    const split = this.insertInto(this.root, key, id);
    if (split !== undefined) {
      this.root = {
        kind: 'branch',
        children: [this.root, split.right],
        lowKeys: ['', split.key],
        lowIds: ['', split.id],
      };
    }
    return this.count > before;
  }

  /** Takes a pair out; false where it is not there. */
  delete(key: string, id: string): boolean {
    const before = this.count;
    this.deleteFrom(this.root, key, id);
    while (this.root.kind === 'branch' && this.root.children.length <= 1) {
      this.root = this.root.children[0] ?? emptyLeaf();
    }
    return this.count < before;
  }

  /** The smallest id of a key. */
  first(key: string): string | undefined {
    const place = { key, id: '', behind: false };
    let leaf: Leaf | undefined = this.leafAt(place);
    let at = positionIn(leaf, place);
    if (at === leaf.keys.length) {
      leaf = leaf.next;
      at = 0;
    }
    return leaf !== undefined && leaf.keys[at] === key ? leaf.ids[at] : undefined;
  }

  /** Ids from one place to another, upwards. The tree must not change meanwhile. */
  *ascending(from?: Place, to?: Place): Generator<string, void, undefined> {
    let leaf: Leaf | undefined = from === undefined ? this.firstLeaf() : this.leafAt(from);
    let at = from === undefined ? 0 : positionIn(leaf, from);
    for (; leaf !== undefined; leaf = leaf.next, at = 0) {
      const end = to === undefined ? leaf.keys.length : positionIn(leaf, to);
      for (; at < end; at++) yield idAt(leaf, at);
      if (end < leaf.keys.length) return;
    }
  }

  /** Ids from the upper place down to the lower one. The tree must not change meanwhile. */
  *descending(upper?: Place, lower?: Place): Generator<string, void, undefined> {
    let leaf: Leaf | undefined = upper === undefined ? this.lastLeaf() : this.leafAt(upper);
    let at = upper === undefined ? leaf.keys.length : positionIn(leaf, upper);
    while (leaf !== undefined) {
      const start = lower === undefined ? 0 : positionIn(leaf, lower);
      while (at > start) yield idAt(leaf, --at);
      if (start > 0) return;
      leaf = leaf.previous;
      at = leaf?.keys.length ?? 0;
    }
  }

  private insertInto(node: Node, key: string, id: string): Split | undefined {
    if (node.kind === 'leaf') return this.insertIntoLeaf(node, key, id);
    const at = childAt(node, key, id, true);
    const split = this.insertInto(nodeAt(node, at), key, id);
    if (split === undefined) return undefined;
    insertAt(node.children, at + 1, split.right);
    insertAt(node.lowKeys, at + 1, split.key);
    insertAt(node.lowIds, at + 1, split.id);
    return node.children.length > CAPACITY ? splitBranch(node) : undefined;
  }

  private insertIntoLeaf(leaf: Leaf, key: string, id: string): Split | undefined {
    const at = search(leaf.keys, leaf.ids, 0, key, id, false);
    if (leaf.keys[at] === key && leaf.ids[at] === id) return undefined;
    this.count += 1;
    if (leaf.keys.length === CAPACITY && at === CAPACITY && leaf.next === undefined) {
      const right = linkAfter(leaf, [key], [id]);
      return { key, id, right };
    }
    insertAt(leaf.keys, at, key);
    insertAt(leaf.ids, at, id);
    return leaf.keys.length > CAPACITY ? splitLeaf(leaf) : undefined;
  }

  private deleteFrom(node: Node, key: string, id: string): void {
    if (node.kind === 'leaf') {
      const at = search(node.keys, node.ids, 0, key, id, false);
      if (node.keys[at] !== key || node.ids[at] !== id) return;
      node.keys.splice(at, 1);
      node.ids.splice(at, 1);
      this.count -= 1;
      return;
    }
    const at = childAt(node, key, id, true);
    const child = nodeAt(node, at);
    this.deleteFrom(child, key, id);
    const isEmpty = child.kind === 'leaf' ? child.keys.length === 0 : child.children.length === 0;
    if (!isEmpty) return;
    if (child.kind === 'leaf') unlink(child);
    node.children.splice(at, 1);
    node.lowKeys.splice(at, 1);
    node.lowIds.splice(at, 1);
  }

  private leafAt(place: Place): Leaf {
    let node = this.root;
    while (node.kind === 'branch') {
      node = nodeAt(node, childAt(node, place.key, place.id, place.behind));
    }
    return node;
  }

  private firstLeaf(): Leaf {
    let node = this.root;
    while (node.kind === 'branch') node = nodeAt(node, 0);
    return node;
  }

  private lastLeaf(): Leaf {
    let node = this.root;
    while (node.kind === 'branch') node = nodeAt(node, node.children.length - 1);
    return node;
  }
}

function emptyLeaf(): Leaf {
  return { kind: 'leaf', keys: [], ids: [], next: undefined, previous: undefined };
}

/** How many pairs, from `start` on, stand before the place; the answer counts from 0. */
function search(
  keys: readonly string[],
  ids: readonly string[],
  start: number,
  key: string,
  id: string | undefined,
  behind: boolean,
): number {
  let low = start;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (standsBefore(keys[middle] ?? '', ids[middle] ?? '', key, id, behind)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function standsBefore(
  pairKey: string,
  pairId: string,
  key: string,
  id: string | undefined,
  behind: boolean,
): boolean {
  if (pairKey !== key) return pairKey < key;
  if (id === undefined) return true;
  return pairId === id ? behind : pairId < id;
}

function positionIn(leaf: Leaf, place: Place): number {
  return search(leaf.keys, leaf.ids, 0, place.key, place.id, place.behind);
}

/** The child that holds the place; pairs equal to a low bound are in its child. */
function childAt(branch: Branch, key: string, id: string | undefined, behind: boolean): number {
  return search(branch.lowKeys, branch.lowIds, 1, key, id, behind) - 1;
}

function nodeAt(branch: Branch, at: number): Node {
  const node = branch.children[at];
  if (node === undefined) throw new RangeError('a branch has no such child');
  return node;
}

function idAt(leaf: Leaf, at: number): string {
  const id = leaf.ids[at];
  if (id === undefined) throw new RangeError('the tree changed during a scan');
  return id;
}

function insertAt<T>(list: T[], at: number, item: T): void {
  if (at === list.length) list.push(item);
  else list.splice(at, 0, item);
}

function splitLeaf(leaf: Leaf): Split {
  const half = leaf.keys.length >>> 1;
  const right = linkAfter(leaf, leaf.keys.splice(half), leaf.ids.splice(half));
  return { key: right.keys[0] ?? '', id: right.ids[0] ?? '', right };
}

function splitBranch(branch: Branch): Split {
  const half = branch.children.length >>> 1;
  const right: Branch = {
    kind: 'branch',
    children: branch.children.splice(half),
    lowKeys: branch.lowKeys.splice(half),
    lowIds: branch.lowIds.splice(half),
  };
  return { key: right.lowKeys[0] ?? '', id: right.lowIds[0] ?? '', right };
}

function linkAfter(leaf: Leaf, keys: string[], ids: string[]): Leaf {
  const right: Leaf = { kind: 'leaf', keys, ids, next: leaf.next, previous: leaf };
  if (leaf.next !== undefined) leaf.next.previous = right;
  leaf.next = right;
  return right;
}

function unlink(leaf: Leaf): void {
  if (leaf.previous !== undefined) leaf.previous.next = leaf.next;
  if (leaf.next !== undefined) leaf.next.previous = leaf.previous;
}
