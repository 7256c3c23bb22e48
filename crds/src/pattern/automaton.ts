// Glushkov's automaton of an expression: one state per character set that occurs in it, and an
// edge wherever one occurrence can follow another. (V. M. Glushkov, 1961.)
import { ANY, type CharSet, type Parsed, type Tree, UnsupportedPattern } from './parse.ts';

export interface Automaton {
  sets: CharSet[];
  follow: number[][];
  /** States in which a match can begin. */
  first: number[];
  /** Two loops allow the same step, or one repeats nothing: ways double with every round. */
  doubled: boolean;
}

const MAX_STATES = 400;
/** A fixed number of characters up to this is written out, a varying one up to the next. */
const MAX_COPIES = 64;
const MAX_VARYING_COPIES = 4;

interface Piece {
  first: number[];
  last: number[];
  nullable: boolean;
}

/** @throws {UnsupportedPattern} when the expression is too large to check. */
export function automatonOf({ tree, anchored, closed }: Parsed): Automaton {
  const builder = new Builder();
  const wanted = closed ? tree : withoutTail(tree);
  const any: Tree = { kind: 'set', set: ANY };
  const skip: Tree = { kind: 'repeat', body: any, minimum: 0, maximum: Infinity };
  const { first } = builder.add(anchored ? wanted : { kind: 'sequence', parts: [skip, wanted] });
  const follow = builder.edges.map((set) => [...set]);
  return { sets: builder.sets, follow, first, doubled: builder.doubled };
}

/**
 * A search that need not reach the end is over once the last character has been repeated often
 * enough. This holds of single characters only: a group may be tried at length and then given up.
 */
function withoutTail(tree: Tree): Tree {
  if (tree.kind === 'repeat' && tree.minimum <= 1 && tree.body.kind === 'set') {
    return tree.minimum === 0 ? { kind: 'sequence', parts: [] } : tree.body;
  }
  const last = tree.kind === 'sequence' ? tree.parts.at(-1) : undefined;
  if (tree.kind !== 'sequence' || !last) return tree;
  return { kind: 'sequence', parts: [...tree.parts.slice(0, -1), withoutTail(last)] };
}

class Builder {
  readonly sets: CharSet[] = [];
  readonly edges: Set<number>[] = [];
  doubled = false;

  add(tree: Tree): Piece {
    if (tree.kind === 'set') return this.state(tree.set);
    if (tree.kind === 'choice') return this.choice(tree.options);
    if (tree.kind === 'sequence')
      return this.sequence(tree.parts.map((part) => () => this.add(part)));
    return this.repeat(tree.body, tree.minimum, tree.maximum);
  }

  private state(set: CharSet): Piece {
    const state = this.sets.push(set) - 1;
    if (state >= MAX_STATES) throw new UnsupportedPattern('is too large to be checked');
    this.edges.push(new Set());
    return { first: [state], last: [state], nullable: false };
  }

  private choice(options: readonly Tree[]): Piece {
    const pieces = options.map((option) => this.add(option));
    return {
      first: pieces.flatMap((piece) => piece.first),
      last: pieces.flatMap((piece) => piece.last),
      nullable: pieces.some((piece) => piece.nullable),
    };
  }

  private sequence(parts: readonly (() => Piece)[]): Piece {
    let whole: Piece = { first: [], last: [], nullable: true };
    for (const part of parts) {
      const next = part();
      this.connect(whole.last, next.first);
      whole = {
        first: whole.nullable ? [...whole.first, ...next.first] : whole.first,
        last: next.nullable ? [...whole.last, ...next.last] : next.last,
        nullable: whole.nullable && next.nullable,
      };
    }
    return whole;
  }

  /** What is not written out counts as a loop, which has at least as many ways. */
  private repeat(body: Tree, minimum: number, maximum: number): Piece {
    if (maximum === 0) return { first: [], last: [], nullable: true };
    if (maximum === 1) return this.copies(body, minimum, maximum);
    const longest = minimum === maximum ? MAX_COPIES : MAX_VARYING_COPIES;
    if (body.kind === 'set' && maximum <= longest) return this.copies(body, minimum, maximum);
    return this.loop(body, minimum === 0);
  }

  private loop(body: Tree, optional: boolean): Piece {
    const piece = this.add(body);
    if (piece.nullable) this.doubled = true;
    this.connect(piece.last, piece.first);
    return optional ? { ...piece, nullable: true } : piece;
  }

  /** x{2,4} as xx(x(x)?)?, so that each count is reached in one way. */
  private copies(body: Tree, minimum: number, maximum: number): Piece {
    if (maximum === 0) return { first: [], last: [], nullable: true };
    const left = Math.max(0, minimum - 1);
    const whole = this.sequence([() => this.add(body), () => this.copies(body, left, maximum - 1)]);
    return minimum === 0 ? { ...whole, nullable: true } : whole;
  }

  private connect(from: readonly number[], to: readonly number[]): void {
    for (const state of from) {
      const edges = this.edges[state];
      for (const next of to) {
        if (edges?.has(next)) this.doubled = true;
        edges?.add(next);
      }
    }
  }
}
