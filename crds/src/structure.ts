// The joi schema, built from the language's shapes, and joi's errors in our own words.
import Joi, { type ValidationErrorItem } from 'joi';
import { checkExtent } from './extent.ts';
import { type Path, type Problem, problem } from './problems.ts';
import {
  LABEL_NAME_PATTERN,
  LABEL_VALUE,
  MAX_DEPTH,
  type RecordShape,
  type Shape,
  shapeAt,
  type TextShape,
} from './shape.ts';
import { didYouMean } from './suggest.ts';

/** Checks a value against a record of the language: nothing is converted, nothing is filled in. */
export function structureChecker(root: RecordShape): (value: unknown) => Problem[] {
  const schema = build(root, 0);
  return (value) => {
    const tooLong = checkExtent(root, value);
    if (tooLong.length > 0) return tooLong;
    const { error } = schema.validate(value, { abortEarly: false, convert: false });
    const problems = (error?.details ?? []).map((detail) => reword(root, detail));
    return problems.filter((p, at) => !problems.slice(0, at).some((q) => q.pointer === p.pointer));
  };
}

function build(shape: Shape, depth: number): Joi.Schema {
  const schema = bare(shape, depth);
  return shape.required ? schema.required() : schema;
}

function bare(shape: Shape, depth: number): Joi.Schema {
  if (shape.kind === 'text') return text(shape);
  if (shape.kind === 'integer') {
    const range = Joi.number().integer().min(shape.minimum).max(shape.maximum);
    return shape.choices ? range.valid(...shape.choices) : range;
  }
  if (shape.kind === 'number') return Joi.number().unsafe();
  if (shape.kind === 'boolean') return Joi.boolean();
  if (shape.kind === 'any') return Joi.any();
  if (shape.kind === 'opaque') return Joi.object().unknown();
  if (shape.kind === 'list') {
    return Joi.array().items(build(shape.of(), depth)).min(shape.minItems).max(shape.maxItems);
  }
  if (shape.kind === 'labels') {
    return Joi.object().pattern(new RegExp(LABEL_NAME_PATTERN), text(LABEL_VALUE));
  }
  return record(shape, depth);
}

function text(shape: TextShape): Joi.Schema {
  if (shape.choices) return Joi.string().valid(...shape.choices);
  const bounded = Joi.string().max(shape.maxLength);
  return shape.rule ? bounded.pattern(new RegExp(shape.rule.pattern)) : bounded;
}

const TOO_DEEP = Joi.any().custom((_, helpers) => helpers.error('any.unknown'));

function record(shape: RecordShape, depth: number): Joi.Schema {
  const inner = shape.nests ? depth + 1 : depth;
  if (inner > MAX_DEPTH) return TOO_DEEP;
  const keys = Object.entries(shape.attributes).map(([k, s]) => [k, build(s, inner)] as const);
  return Joi.object(Object.fromEntries(keys));
}

function reword(root: RecordShape, detail: ValidationErrorItem): Problem {
  if (detail.type === 'object.unknown') return unknownAttribute(root, detail.path);
  const shape = shapeAt(root, detail.path);
  const value: unknown = detail.context?.['value'];
  return explain(shape, detail.path, detail.type, value);
}

function unknownAttribute(root: RecordShape, path: Path): Problem {
  const attribute = String(path.at(-1));
  const parent = shapeAt(root, path.slice(0, -1));
  const shape = parent?.kind === 'record' ? parent : root;
  if (shape.elsewhere?.attributes.includes(attribute)) {
    return problem(path, 'does_not_apply', `${attribute} ${shape.elsewhere.says}`);
  }
  if (shape.later.includes(attribute)) {
    return problem(path, 'not_supported_yet', `${attribute} is not supported yet`);
  }
  if (parent?.kind === 'labels') {
    return problem(path, 'invalid_name', `${quote(attribute)} is no name of a label`);
  }
  const hint = didYouMean(attribute, Object.keys(shape.attributes));
  return problem(path, 'unknown_attribute', `unknown attribute ${quote(attribute)}${hint}`);
}

function explain(shape: Shape | undefined, path: Path, type: string, value: unknown): Problem {
  if (type === 'any.required') {
    return problem(path, 'missing_attribute', 'is missing');
  }
  if (type === 'any.unknown') {
    return problem(path, 'too_deep', `fields may nest ${MAX_DEPTH} levels deep, not more`);
  }
  if (type === 'array.sparse' || shape === undefined) {
    return problem(path, 'wrong_type', 'must not be empty');
  }
  if (!isOfKind(shape, value)) {
    return problem(path, 'wrong_type', `must be ${kindOf(shape)}, not ${describe(value)}`);
  }
  return explainBound(shape, path, value);
}

function explainBound(shape: Shape, path: Path, value: unknown): Problem {
  if (shape.kind === 'text') return explainText(shape, path, String(value));
  if (shape.kind === 'integer') {
    const allowed = shape.choices
      ? `must be ${anyOf(shape.choices)}`
      : `must be between ${shape.minimum} and ${shape.maximum}`;
    return problem(path, 'out_of_range', `${allowed}, not ${describe(value)}`);
  }
  if (shape.kind === 'list') {
    const message = `at least ${shape.minItems} of the ${shape.noun} must be given`;
    return problem(path, 'too_few', message);
  }
  return problem(path, 'invalid_value', `must be ${kindOf(shape)}`);
}

function explainText(shape: TextShape, path: Path, value: string): Problem {
  if (shape.laterChoices?.includes(value)) {
    const what = `${attributeOf(path)} ${quote(value)}`;
    return problem(path, 'not_supported_yet', `${what} is not supported yet`);
  }
  if (shape.choices) {
    const hint = didYouMean(value, shape.choices);
    const message = `must be ${anyOf(shape.choices)}, not ${quote(value)}${hint}`;
    return problem(path, 'invalid_value', message);
  }
  if (value.length > shape.maxLength) {
    const message = `at most ${shape.maxLength} characters, not ${value.length}`;
    return problem(path, 'too_long', message);
  }
  if (value === '' || !shape.rule) {
    return problem(path, 'invalid_value', 'must not be empty');
  }
  return problem(path, shape.rule.code, `${shape.rule.says}; ${quote(value)} does not`);
}

function isOfKind(shape: Shape, value: unknown): boolean {
  if (shape.kind === 'text') return typeof value === 'string';
  if (shape.kind === 'boolean') return typeof value === 'boolean';
  if (shape.kind === 'integer') return Number.isInteger(value);
  if (shape.kind === 'number') return Number.isFinite(value);
  if (shape.kind === 'list') return Array.isArray(value);
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const KINDS = {
  text: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  any: 'a value',
  opaque: 'a map of attributes',
  labels: 'a map of labels',
  list: 'a list',
  record: 'a map of attributes',
} as const;

function kindOf(shape: Shape): string {
  return KINDS[shape.kind];
}

function attributeOf(path: Path): string {
  return path.findLast((step) => typeof step === 'string') ?? 'value';
}

/** A value in a message: short, on one line. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  return typeof value === 'string' ? quote(value) : String(value);
}

export function quote(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}

function anyOf(choices: readonly (string | number)[]): string {
  if (choices.length === 1) return String(choices[0]);
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}
