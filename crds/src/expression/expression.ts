import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js';
import type { JsonValue } from '../resource.ts';
import { conditionsOf, type FieldCondition } from './conditions.ts';
import { registerDecimal } from './decimal.ts';
import {
  childrenOf,
  ExpressionRefusal,
  inspect,
  type Reads,
  UNSPEAKABLE,
  type Variable,
} from './inspection.ts';
import { type Lookup, storedValue, type Ways, waysOf } from './lookups.ts';
import { type RowMaker, RowType, type StoredRow, scalarType, type TypedField } from './row-type.ts';
import { type ComputedValue, storedAs } from './to-json.ts';

/** A model as far as expressions care. */
export interface TypedModel {
  readonly name: string;
  readonly fields: readonly TypedField[];
}

/** Who asks, within expressions. */
export interface ExpressionActor {
  readonly id: string;
  readonly roles: readonly string[];
}

/** What an expression is asked about. */
export interface Bindings {
  readonly self: StoredRow;
  readonly old?: StoredRow;
  readonly actor?: ExpressionActor;
}

/** Longest expression, in UTF-16 code units. */
export const MAX_EXPRESSION_LENGTH = 2000;

const LIMITS = {
  maxAstNodes: 300,
  maxDepth: 40,
  maxListElements: 100,
  maxMapEntries: 20,
  maxCallArguments: 8,
};

class Caller {
  readonly id: string;
  readonly roles: readonly string[];

  constructor({ id, roles }: ExpressionActor) {
    this.id = id;
    this.roles = roles;
  }
}

/** An expression of one model that says yes or no. */
export class Expression {
  readonly text: string;
  readonly reads: Reads;
  readonly #program: ParseResult;
  readonly #self: RowMaker;
  readonly #old: RowMaker;
  readonly #ways: Ways;
  /** What it says of single fields, where it says nothing else; null where it says more. */
  readonly conditions: readonly FieldCondition[] | null;

  /** @internal use `compileExpression` */
  constructor(text: string, program: ParseResult, row: RowType, environment: Environment) {
    this.text = text;
    this.#program = program;
    this.reads = inspect(program.ast, row);
    this.#self = row.maker(this.reads.self);
    this.#old = row.maker(this.reads.old);
    this.#ways = waysOf(program.ast, environment);
    this.conditions = conditionsOf(program.ast, row, environment);
  }

  /**
   * Whether it holds. One that cannot be evaluated, such as for a field without a value that it does
   * not ask `has` of, does not.
   */
  holds({ self, old, actor }: Bindings): boolean {
    const context = {
      self: this.#self(self),
      ...(old !== undefined && { old: this.#old(old) }),
      ...(actor !== undefined && { actor: new Caller(actor) }),
    };
    try {
      return this.#program(context) === true;
    } catch {
      // Closed: what cannot be said of a row does not hold of it.
      return false;
    }
  }

  /**
   * Which values fields have in rows for which it holds: each such row meets all conditions of at
   * least one of the ways. No ways: it holds for no row. A way without conditions may be any row.
   */
  lookups(actor: ExpressionActor): readonly (readonly Lookup[])[] {
    const context = { actor: new Caller(actor) };
    const ways = this.#ways.map((plans) => plans.map((plan) => lookup(plan, context)));
    return ways.flatMap((found) => {
      const known = found.filter((one) => one !== 'unknown');
      return known.some(({ values }) => values.length === 0) ? [] : [known];
    });
  }
}

/** An expression of one model that makes the value of a field. */
export class Computation {
  readonly text: string;
  readonly reads: Reads;
  readonly #program: ParseResult;
  readonly #self: RowMaker;
  readonly #value: ComputedValue;

  /** @internal use `compileComputation` */
  constructor(text: string, program: ParseResult, row: RowType, value: ComputedValue) {
    this.text = text;
    this.#program = program;
    this.#value = value;
    this.reads = inspect(program.ast, row);
    this.#self = row.maker(this.reads.self);
  }

  /**
   * The value that the field has in a row, in canonical form. Null where there is none: for a field
   * without a value that it does not ask `has` of, or for a value that the type does not hold.
   */
  valueOf(self: StoredRow): JsonValue {
    try {
      return storedAs(this.#value, this.#program({ self: this.#self(self) }));
    } catch {
      return null;
    }
  }
}

function lookup(
  { field, isList, value }: Ways[number][number],
  context: { actor: Caller },
): Lookup | 'unknown' {
  const found: unknown = attempt(() => value(context));
  if (isList && !Array.isArray(found)) return 'unknown';
  const all: unknown[] = Array.isArray(found) ? found : [found];
  const values = all.map(storedValue);
  const known = values.filter((one) => one !== undefined);
  return known.length === values.length ? { field, values: known } : 'unknown';
}

function attempt(evaluate: () => unknown): unknown {
  try {
    return evaluate();
  } catch {
    return undefined;
  }
}

interface Room {
  readonly environment: Environment;
  readonly row: RowType;
}

const rooms = new WeakMap<TypedModel, Room>();

/** Making an environment costs a hundred expressions, so a model keeps its own. */
function roomOf(model: TypedModel): Room {
  const known = rooms.get(model);
  if (known !== undefined) return known;
  const environment = new Environment({ limits: LIMITS });
  registerDecimal(environment);
  environment.registerOperator('double == int', (a: number, b: bigint) => a === Number(b));
  // The library takes single letters for type parameters; and a model may be called Actor.
  const type = `${model.name}Row`;
  const row = new RowType(environment, type, model.fields);
  environment.registerType('Actor', {
    ctor: Caller,
    fields: { id: 'string', roles: 'list<string>' },
  });
  environment.registerVariable('self', type);
  environment.registerVariable('old', type);
  environment.registerVariable('actor', 'Actor');
  const made = { environment, row };
  rooms.set(model, made);
  return made;
}

/**
 * Compiles an expression of the Common Expression Language against a model.
 *
 * @param variables what it may speak of
 * @throws ExpressionRefusal where it is malformed, ill-typed, not of type bool, or too costly
 */
export function compileExpression(
  model: TypedModel,
  text: string,
  variables: readonly Variable[],
): Expression {
  const { environment, row } = roomOf(model);
  const { program, type } = checked(environment, text, variables);
  if (type === 'bool') return new Expression(text, program, row, environment);
  throw new ExpressionRefusal(`must say true or false; this is of type ${type}`);
}

/**
 * Compiles an expression over `self` that makes the value of a field of the model.
 *
 * @throws ExpressionRefusal where it is malformed, ill-typed, not of the field's type, or too costly
 */
export function compileComputation(
  model: TypedModel,
  text: string,
  value: ComputedValue,
): Computation {
  const { environment, row } = roomOf(model);
  const { program, type } = checked(environment, text, ['self']);
  const wanted = scalarType(value.type);
  if (type === wanted) return new Computation(text, program, row, value);
  throw new ExpressionRefusal(
    `must be of type ${wanted}, as a field of type ${value.type} is; this is of type ${type}`,
  );
}

function checked(environment: Environment, text: string, variables: readonly Variable[]) {
  const program = parse(environment, text);
  refuseVariables(program.ast, variables);
  const { valid, type, error } = program.check();
  if (!valid) throw new ExpressionRefusal(reword(error));
  return { program, type: String(type) };
}

function parse(environment: Environment, text: string): ParseResult {
  try {
    return environment.parse(text);
  } catch (error) {
    throw new ExpressionRefusal(reword(error));
  }
}

const VARIABLES: readonly string[] = ['self', 'old', 'actor'];

function refuseVariables(node: ASTNode, allowed: readonly string[]): void {
  const foreign = VARIABLES.filter((name) => !allowed.includes(name));
  const used = foreign.find((name) => mentions(node, name));
  if (used === undefined) return;
  throw new ExpressionRefusal(`cannot speak of ${used}; here there is ${allowed.join(', ')}`);
}

function mentions(node: ASTNode, name: string): boolean {
  if (node.op === 'id') return node.args === name;
  return childrenOf(node).some((child) => mentions(child, name));
}

/** The library's words, on one line, with what it does not know of us. */
function reword(error: unknown): string {
  const [summary = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  if (/overload: .* [!=]= null$/.test(summary))
    return `${summary}; ask has(self.field) for a value`;
  if (/^Expected IDENTIFIER, got (IN|BOOLEAN|NULL)$/.test(summary)) {
    return `CEL keeps ${UNSPEAKABLE.join(', ')} for itself: a field of such a name cannot be read here`;
  }
  return summary.replace(/^No such key: (.*)$/, 'there is no field $1');
}
