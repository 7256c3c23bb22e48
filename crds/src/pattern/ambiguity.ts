// How many ways a backtracking matcher may have to try, from the automaton alone: exponential
// when one loop reads the same text in two ways, polynomial of a known degree when loops that
// follow each other can share text. (A. Weber and H. Seidl, "On the degree of ambiguity of finite
// automata", 1991.)
import type { Automaton } from './automaton.ts';
import { type CharSet, UnsupportedPattern } from './parse.ts';

/** Work allowed for checking one expression. */
const MAX_STEPS = 2_000_000;
/** Ways that choices outside of loops may multiply to. */
const MAX_SPLITS = 1000;

/**
 * The degree d such that matching n characters takes at most about n^(d+1) steps; Infinity where
 * it is exponential.
 * @throws {UnsupportedPattern} when the expression is too large to check.
 */
export function ambiguity(automaton: Automaton): number {
  if (automaton.doubled) return Infinity;
  const search = new Search(automaton);
  const unbounded = search.isExponential() || search.splits() > MAX_SPLITS;
  return unbounded ? Infinity : search.degree();
}

class Search {
  private readonly follow: number[][];
  private readonly first: number[];
  private readonly size: number;
  private readonly overlap: boolean[][];
  private steps = 0;

  constructor(automaton: Automaton) {
    this.follow = automaton.follow;
    this.first = automaton.first;
    this.size = automaton.sets.length;
    this.overlap = automaton.sets.map((a) => automaton.sets.map((b) => intersects(a, b)));
  }

  /** Some pair of equal states leads to a pair of different ones and back, on the same text. */
  isExponential(): boolean {
    const pairs = (node: number) => this.pairsAfter(node);
    const diagonal = Array.from({ length: this.size }, (_, s) => s * this.size + s);
    const isDiagonal = (node: number) => Math.floor(node / this.size) === node % this.size;
    return components(diagonal, pairs).some(
      (group) => group.some(isDiagonal) && !group.every(isDiagonal),
    );
  }

  /** Most pairs of loops, one after the other, that can hand the same text to each other. */
  degree(): number {
    const states = Array.from({ length: this.size }, (_, s) => s);
    const groups = components(states, (s) => this.next(s)).toReversed();
    const loops = groups.filter((group) => this.isLoop(group));
    const degrees: number[] = [];
    for (const [later, loop] of loops.entries()) {
      degrees[later] = 0;
      for (let earlier = 0; earlier < later; earlier++) {
        const before = loops[earlier] ?? [];
        if (!this.reaches(before, loop)) continue;
        const degree = (degrees[earlier] ?? 0) + (this.share(before, loop) ? 1 : 0);
        degrees[later] = Math.max(degrees[later] ?? 0, degree);
      }
    }
    return Math.max(0, ...degrees);
  }

  /** Upper bound of the ways that are not owed to loops: (a|a)(a|a) has four. */
  splits(): number {
    const states = Array.from({ length: this.size }, (_, s) => s);
    let product = this.width(this.first);
    for (const group of components(states, (s) => this.next(s))) {
      const inside = new Set(this.isLoop(group) ? group : []);
      for (const state of group) {
        product *= this.width(this.next(state).filter((s) => !inside.has(s)));
      }
    }
    return product;
  }

  /** Most of these states that one character can lead to. */
  private width(states: readonly number[]): number {
    const widths = states.map((a) => states.filter((b) => this.meet(a, b)).length);
    return Math.max(1, ...widths);
  }

  private isLoop(group: readonly number[]): boolean {
    const [first] = group;
    return group.length > 1 || (first !== undefined && this.next(first).includes(first));
  }

  private reaches(from: readonly number[], to: readonly number[]): boolean {
    const target = new Set(to);
    return walk(from, (s) => this.next(s)).some((state) => target.has(state));
  }

  /** Some text leads from p to p, from p to q and from q to q. */
  private share(a: readonly number[], b: readonly number[]): boolean {
    const [inA, inB] = [new Set(a), new Set(b)];
    const after = (node: number) => this.triplesAfter(node, inA, inB);
    return a.some((p) =>
      b.some((q) => walk([this.triple(p, p, q)], after).includes(this.triple(p, q, q))),
    );
  }

  private triple(x: number, y: number, z: number): number {
    return (x * this.size + y) * this.size + z;
  }

  private triplesAfter(node: number, inA: Set<number>, inB: Set<number>): number[] {
    const z = node % this.size;
    const y = Math.floor(node / this.size) % this.size;
    const x = Math.floor(node / this.size / this.size);
    const allX = this.next(x).filter((s) => inA.has(s));
    const allZ = this.next(z).filter((s) => inB.has(s));
    const ends = allX.flatMap((nextX) => allZ.map((nextZ) => [nextX, nextZ] as const));
    return ends.flatMap(([nextX, nextZ]) =>
      this.next(y)
        .filter((nextY) => this.allMeet(nextX, nextY, nextZ))
        .map((nextY) => this.triple(nextX, nextY, nextZ)),
    );
  }

  private pairsAfter(node: number): number[] {
    const [a, b] = [Math.floor(node / this.size), node % this.size];
    const after: number[] = [];
    for (const nextA of this.next(a)) {
      for (const nextB of this.next(b)) {
        this.step();
        if (this.meet(nextA, nextB)) {
          after.push(Math.min(nextA, nextB) * this.size + Math.max(nextA, nextB));
        }
      }
    }
    return after;
  }

  private next(state: number): number[] {
    return this.follow[state] ?? [];
  }

  private allMeet(x: number, y: number, z: number): boolean {
    this.step();
    return this.meet(x, y) && this.meet(y, z) && this.meet(x, z);
  }

  private meet(a: number, b: number): boolean {
    return this.overlap[a]?.[b] ?? false;
  }

  private step(): void {
    if (++this.steps > MAX_STEPS) throw new UnsupportedPattern('is too complex to be checked');
  }
}

function intersects(a: CharSet, b: CharSet): boolean {
  return a.some(([low, high]) => b.some(([from, to]) => low <= to && from <= high));
}

type Edges = (node: number) => number[];

/** Every node that can be reached in one step or more. */
function walk(from: readonly number[], edges: Edges): number[] {
  const seen = new Set<number>();
  const open = [...from];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const next of edges(node)) {
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(next);
    }
  }
  return [...seen];
}

interface Frame {
  node: number;
  index: number;
  edges: number[];
  at: number;
}

/** Strongly connected components, later ones first. */
function components(roots: readonly number[], edges: Edges): number[][] {
  const search = new ComponentSearch(edges);
  for (const root of roots) search.from(root);
  return search.groups;
}

/** Tarjan's algorithm, with a list of frames in place of recursion. */
class ComponentSearch {
  readonly groups: number[][] = [];
  private readonly edges: Edges;
  private readonly index = new Map<number, number>();
  private readonly low = new Map<number, number>();
  private readonly waiting: number[] = [];
  private readonly isWaiting = new Set<number>();

  constructor(edges: Edges) {
    this.edges = edges;
  }

  from(root: number): void {
    if (this.index.has(root)) return;
    const frames = [this.enter(root)];
    for (let frame = frames.at(-1); frame; frame = frames.at(-1)) {
      const next = frame.edges[frame.at++];
      if (next === undefined) {
        frames.pop();
        this.leave(frame, frames.at(-1));
      } else if (!this.index.has(next)) frames.push(this.enter(next));
      else if (this.isWaiting.has(next)) this.lower(frame.node, this.index.get(next));
    }
  }

  private enter(node: number): Frame {
    const index = this.index.size;
    this.index.set(node, index);
    this.low.set(node, index);
    this.waiting.push(node);
    this.isWaiting.add(node);
    return { node, index, edges: this.edges(node), at: 0 };
  }

  private leave(frame: Frame, parent: Frame | undefined): void {
    const low = this.low.get(frame.node);
    if (parent) this.lower(parent.node, low);
    if (low !== frame.index) return;
    const group = this.waiting.splice(this.waiting.lastIndexOf(frame.node));
    for (const node of group) this.isWaiting.delete(node);
    this.groups.push(group);
  }

  private lower(node: number, value = Infinity): void {
    this.low.set(node, Math.min(this.low.get(node) ?? value, value));
  }
}
