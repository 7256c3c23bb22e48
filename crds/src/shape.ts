// The vocabulary in which the language is written down: one shape per attribute. The joi schema
// and the CRD are both built from these, so that they cannot disagree.

export type Shape =
  | TextShape
  | IntegerShape
  | NumberShape
  | BooleanShape
  | AnyShape
  | OpaqueShape
  | LabelsShape
  | ListShape
  | RecordShape;

interface Described {
  description: string;
  required?: boolean;
}

export interface TextShape extends Described {
  kind: 'text';
  maxLength: number;
  /** What the pattern means, in words: a person reads this instead of the pattern. */
  rule?: { pattern: string; says: string; code: 'invalid_name' | 'invalid_path' | 'invalid_value' };
  choices?: readonly string[];
  /** Choices that the design has and this version does not. */
  laterChoices?: readonly string[];
}

export interface IntegerShape extends Described {
  kind: 'integer';
  minimum: number;
  maximum: number;
  choices?: readonly number[];
}

export interface NumberShape extends Described {
  kind: 'number';
}

export interface BooleanShape extends Described {
  kind: 'boolean';
}

/** Any JSON value. */
export interface AnyShape extends Described {
  kind: 'any';
}

/** An object that somebody else owns. */
export interface OpaqueShape extends Described {
  kind: 'opaque';
}

/** Kubernetes labels: names with texts. */
export interface LabelsShape extends Described {
  kind: 'labels';
  maxItems: number;
}

export const LABEL_NAME_PATTERN =
  '^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$';

/** The value of a label. */
export const LABEL_VALUE: TextShape = {
  kind: 'text',
  maxLength: 63,
  rule: {
    pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$',
    says: 'must hold letters, digits and inner dots, dashes and underscores',
    code: 'invalid_value',
  },
  description: 'Value of the label.',
};

export interface ListShape extends Described {
  kind: 'list';
  /** A thunk, because fields hold fields. */
  of: () => TextShape | RecordShape;
  minItems: number;
  maxItems: number;
  /** What one entry is called in a message. */
  noun: string;
}

export interface RecordShape extends Described {
  kind: 'record';
  /** The attribute that tells the entries of a list apart. */
  key?: 'name';
  attributes: Readonly<Record<string, Shape>>;
  /** Attributes of the design that this version refuses. */
  later: readonly string[];
  /** Attributes that exist, but not at this place; and what to say about that. */
  elsewhere?: { attributes: readonly string[]; says: string };
  /** Whether entering this record is one more level of nesting. */
  nests?: boolean;
}

/** How deep fields may nest: a field of the model is level 1. */
export const MAX_DEPTH = 5;

/** The shape at a path; undefined where the path leaves the language. */
export function shapeAt(root: Shape, path: readonly (string | number)[]): Shape | undefined {
  let shape: Shape | undefined = root;
  for (const step of path) shape = shape && shapeOf(shape, step);
  return shape;
}

function shapeOf(shape: Shape, step: string | number): Shape | undefined {
  if (shape.kind === 'labels') return LABEL_VALUE;
  if (shape.kind === 'list') return typeof step === 'number' ? shape.of() : undefined;
  if (shape.kind !== 'record' || !Object.hasOwn(shape.attributes, step)) return undefined;
  return shape.attributes[step];
}
