// What an expression reads, and what it may cost: asked once, when the model loads.
import type { ASTNode } from '@marcbachmann/cel-js';
import type { RowType, TypedValue } from './row-type.ts';

/** Names that CEL keeps for itself: a field that is called so cannot be spoken of. */
export const UNSPEAKABLE: readonly string[] = ['in', 'true', 'false', 'null'];

/** An expression that cannot be used, in words that follow its path. */
export class ExpressionRefusal extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ExpressionRefusal';
  }
}

/** Names that an expression may begin with. */
export type Variable = 'self' | 'old' | 'actor';

/** Fields of the row, and of the row as it was, that an expression reads. */
export interface Reads {
  readonly self: ReadonlySet<string>;
  readonly old: ReadonlySet<string>;
  readonly actor: boolean;
}

/**
 * Functions that are the same on every machine and in every time zone, and take time in proportion
 * to what they are given. A regular expression stands in `pattern`, where its worst case is known.
 */
const FUNCTIONS: ReadonlySet<string> = new Set(
  [
    'has size int double string decimal timestamp duration',
    'startsWith endsWith contains indexOf substring lowerAscii upperAscii trim',
    'all exists exists_one filter map',
    'getFullYear getMonth getDate getDayOfWeek',
    'getHours getMinutes getSeconds getMilliseconds',
  ].flatMap((names) => names.split(' ')),
);

/** Of a list, each of whose items they look at. */
const MACROS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);

/** Functions that look through a whole text. */
const SCANS: ReadonlySet<string> = new Set(['contains', 'indexOf', 'lowerAscii', 'upperAscii']);
const SCAN_COST = 20;
const MAX_COST = 20_000;

/**
 * Looks through an expression that has been type-checked.
 *
 * @throws ExpressionRefusal
 */
export function inspect(root: ASTNode, row: RowType): Reads {
  const inspection = new Inspection(row);
  const cost = inspection.visit(root);
  if (cost <= MAX_COST) return inspection.reads();
  throw new ExpressionRefusal(
    `could take ${cost} steps for one row; at most ${MAX_COST} are allowed`,
  );
}

class Inspection {
  readonly #row: RowType;
  readonly #self = new Set<string>();
  readonly #old = new Set<string>();
  #actor = false;

  constructor(row: RowType) {
    this.#row = row;
  }

  reads(): Reads {
    return { self: this.#self, old: this.#old, actor: this.#actor };
  }

  /** Notes what a node reads; returns how many steps it takes at most. */
  visit(node: ASTNode): number {
    if (node.op === 'call') return this.#call(node.args[0], null, node.args[1]);
    if (node.op === 'rcall') return this.#call(node.args[0], node.args[1], node.args[2]);
    if (node.op === '.' && node.args[0].op === 'id')
      return this.#member(node.args[0].args, node.args[1]);
    if (node.op === 'id' && isRowName(node.args)) {
      throw new ExpressionRefusal(`uses ${node.args} without a field; write ${node.args}.name`);
    }
    if (node.op === 'id' && node.args === 'actor') this.#actor = true;
    return childrenOf(node).reduce((cost, child) => cost + this.visit(child), 1);
  }

  #member(variable: string, name: string): number {
    if (isRowName(variable) && this.#row.field(name)?.encrypted === true) {
      throw new ExpressionRefusal(
        `reads ${name}, which is encrypted: no expression sees its value`,
      );
    }
    if (variable === 'self') this.#self.add(name);
    if (variable === 'old') this.#old.add(name);
    if (variable === 'actor') this.#actor = true;
    return 1;
  }

  #call(name: string, receiver: ASTNode | null, args: readonly ASTNode[]): number {
    if (!FUNCTIONS.has(name)) throw new ExpressionRefusal(`uses ${name}(), ${whyNot(name)}`);
    if (name.startsWith('get') && args.length > 0) {
      throw new ExpressionRefusal(`asks ${name}() for a time zone; times are in UTC`);
    }
    const of = receiver === null ? 0 : this.visit(receiver);
    const each = args.reduce((cost, argument) => cost + this.visit(argument), 1);
    if (receiver !== null && MACROS.has(name)) return of + each * this.#lengthOf(receiver, name);
    return of + each + (SCANS.has(name) ? SCAN_COST : 0);
  }

  /** Most items that a list can have. */
  #lengthOf(list: ASTNode, macro: string): number {
    if (list.op === 'list') return list.args.length;
    if (list.op === 'rcall' && ['filter', 'map'].includes(list.args[0])) {
      return this.#lengthOf(list.args[1], macro);
    }
    if (isActorRoles(list)) return MAX_ROLES;
    const maxItems = this.#typeOf(list)?.maxItems;
    if (maxItems !== undefined) return maxItems;
    throw new ExpressionRefusal(
      `walks with ${macro}() through a list of any length; say maxItems of the field`,
    );
  }

  #typeOf(node: ASTNode): TypedValue | undefined {
    if (node.op !== '.') return undefined;
    const [of, name] = node.args;
    if (of.op === 'id') return isRowName(of.args) ? this.#row.field(name) : undefined;
    return this.#typeOf(of)?.fields?.find((field) => field.name === name);
  }
}

/** More than any token is given. */
const MAX_ROLES = 200;

function isActorRoles(node: ASTNode): boolean {
  return node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'actor';
}

function isRowName(name: string): name is 'self' | 'old' {
  return name === 'self' || name === 'old';
}

function whyNot(name: string): string {
  if (name === 'matches') return 'whose time is not bounded; say pattern of the field';
  return 'which is not a function of this language';
}

/** The nodes right below one. */
export function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '!_':
    case '-_':
      return [node.args];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    default:
      return node.args;
  }
}
