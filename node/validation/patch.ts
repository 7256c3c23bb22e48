import type { FieldError } from '../ports/index.ts';
import { canonicalDecimal, compareDecimals, ExactNumber } from '../values/index.ts';
import { type JsonInput, pointerStep } from './json-reader.ts';

/** JSON Merge Patch (RFC 7396) or JSON Patch (RFC 6902). */
export type PatchFormat = 'merge' | 'json';

/** Most operations of one JSON Patch. */
const MAX_OPERATIONS = 1000;
/**
 * Most values, and characters of texts, that the `copy` operations of one patch may make: each
 * could double the last, or repeat a long text.
 */
const MAX_COPIED_VALUES = 100_000;
const MAX_COPIED_CHARACTERS = 1024 * 1024;

/** A patch that cannot be applied; the pointer leads into the patch. */
export class PatchRefusal extends Error {
  /** `invalid`: it never can; `patch_conflict`: not to what is there now; else: not by the caller. */
  readonly code: 'invalid' | 'patch_conflict' | 'forbidden_field';
  readonly pointer: string;
  /** Of the place that the pointer leads to. */
  readonly errorCode: string;
  /** What else is wrong with it, of the same kind. */
  readonly more: readonly FieldError[];

  constructor(
    code: PatchRefusal['code'],
    pointer: string,
    message: string,
    errorCode: string = code,
    more: readonly FieldError[] = [],
  ) {
    super(message);
    this.more = more;
    this.errorCode = errorCode;
    this.name = 'PatchRefusal';
    this.code = code;
    this.pointer = pointer;
  }
}

type JsonObjectInput = { [key: string]: JsonInput };
type Container = JsonInput[] | JsonObjectInput;
export type Path = readonly string[];

/** One step of a JSON Patch, read. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: Path; readonly value: JsonInput }
  | { readonly op: 'remove'; readonly path: Path }
  | { readonly op: 'move' | 'copy'; readonly path: Path; readonly from: Path };

/**
 * Refuses what can never be applied.
 *
 * @throws PatchRefusal `invalid`
 */
export function requirePatch(patch: JsonInput, format: PatchFormat): void {
  if (format === 'json') readOperations(patch);
  else if (!isObject(patch)) throw new PatchRefusal('invalid', '', 'must be an object');
}

/**
 * Applies a patch to a document; both may be changed and become part of the result. Null stands for
 * absent: a merge patch sets null where RFC 7396 removes, and so does the `remove` of a field.
 *
 * @throws PatchRefusal
 */
export function applyPatch(document: JsonInput, patch: JsonInput, format: PatchFormat): JsonInput {
  if (format === 'merge') return merge(document, patch);
  const steps = new PatchSteps(document);
  for (const [at, operation] of readOperations(patch).entries()) steps.run(operation, `/${at}`);
  return steps.document;
}

function merge(target: JsonInput, patch: JsonInput): JsonInput {
  if (!isObject(patch) || !isObject(target)) return patch;
  for (const [key, value] of Object.entries(patch)) {
    setOwn(target, key, merge(Object.hasOwn(target, key) ? (target[key] ?? null) : null, value));
  }
  return target;
}

/** A document under the operations of a JSON Patch. */
class PatchSteps {
  document: JsonInput;
  #at = '';
  #copiedValues = 0;
  #copiedCharacters = 0;

  constructor(document: JsonInput) {
    this.document = document;
  }

  run(operation: PatchOperation, at: string): void {
    this.#at = at;
    const { path } = operation;
    switch (operation.op) {
      case 'add':
        return this.#put(path, operation.value, true);
      case 'replace':
        this.#find(path);
        return this.#put(path, operation.value, false);
      case 'remove':
        return this.#remove(path);
      case 'test':
        if (isEqual(this.#find(path), operation.value)) return;
        throw this.#conflict(`the value at ${pointerOf(path)} is another one`);
      case 'copy':
        return this.#put(path, this.#copy(this.#find(operation.from)), true);
      case 'move':
        return this.#move(operation.from, path);
    }
  }

  #move(from: Path, path: Path): void {
    const moved = this.#find(from);
    if (from.length === path.length && from.every((step, i) => step === path[i])) return;
    if (from.every((step, i) => step === path[i])) {
      throw this.#conflict('a value cannot be moved into itself');
    }
    this.#remove(from);
    this.#put(path, moved, true);
  }

  #find(path: Path): JsonInput {
    let found = this.document;
    for (const [depth, step] of path.entries()) {
      const container = this.#containerAt(found, path, depth);
      const value = Array.isArray(container)
        ? container[this.#indexIn(container, step, false)]
        : ownValue(container, step);
      if (value === undefined) throw this.#nothingAt(path.slice(0, depth + 1));
      found = value;
    }
    return found;
  }

  #put(path: Path, value: JsonInput, inserts: boolean): void {
    const last = path.at(-1);
    if (last === undefined) {
      this.document = value;
      return;
    }
    const parent = this.#containerAt(this.#find(path.slice(0, -1)), path, path.length - 1);
    if (!Array.isArray(parent)) setOwn(parent, last, value);
    else parent.splice(this.#indexIn(parent, last, inserts), inserts ? 0 : 1, value);
  }

  #remove(path: Path): void {
    const last = path.at(-1);
    if (last === undefined) throw this.#conflict('the whole cannot be removed');
    this.#find(path);
    const parent = this.#containerAt(this.#find(path.slice(0, -1)), path, path.length - 1);
    if (Array.isArray(parent)) parent.splice(this.#indexIn(parent, last, false), 1);
    else setOwn(parent, last, null);
  }

  #containerAt(value: JsonInput, path: Path, depth: number): Container {
    if (Array.isArray(value) || isObject(value)) return value;
    throw this.#nothingAt(path.slice(0, depth + 1));
  }

  /** `-` is the place behind the last item (RFC 6901, section 4); only what is inserted goes there. */
  #indexIn(array: readonly JsonInput[], step: string, inserts: boolean): number {
    const end = array.length - (inserts ? 0 : 1);
    if (step === '-' && inserts) return array.length;
    const index = /^(0|[1-9][0-9]{0,9})$/.test(step) ? Number(step) : Number.NaN;
    if (index <= end) return index;
    throw this.#conflict(`${JSON.stringify(step)} is no place in an array of ${array.length}`);
  }

  #copy(value: JsonInput): JsonInput {
    this.#copiedValues += 1;
    if (typeof value === 'string') this.#copiedCharacters += value.length;
    if (this.#copiedValues > MAX_COPIED_VALUES || this.#copiedCharacters > MAX_COPIED_CHARACTERS) {
      throw this.#conflict('the patch copies too much');
    }
    if (Array.isArray(value)) return value.map((item) => this.#copy(item));
    if (!isObject(value)) return value;
    const copy: JsonObjectInput = {};
    for (const [key, member] of Object.entries(value)) setOwn(copy, key, this.#copy(member));
    return copy;
  }

  #nothingAt(path: Path): PatchRefusal {
    return this.#conflict(`there is nothing at ${pointerOf(path)}`);
  }

  #conflict(message: string): PatchRefusal {
    return new PatchRefusal('patch_conflict', this.#at, message);
  }
}

export function readOperations(patch: JsonInput): PatchOperation[] {
  if (!Array.isArray(patch)) throw new PatchRefusal('invalid', '', 'must be an array');
  if (patch.length > MAX_OPERATIONS) {
    throw new PatchRefusal('invalid', '', `must have at most ${MAX_OPERATIONS} operations`);
  }
  return patch.map((operation, at) => readOperation(operation, `/${at}`));
}

function readOperation(input: JsonInput, at: string): PatchOperation {
  if (!isObject(input)) throw new PatchRefusal('invalid', at, 'must be an object');
  const { op } = input;
  const path = readPath(input, 'path', at);
  switch (op) {
    case 'add':
    case 'replace':
    case 'test': {
      const value = ownValue(input, 'value');
      if (value === undefined) throw new PatchRefusal('invalid', `${at}/value`, 'must be there');
      return { op, path, value };
    }
    case 'remove':
      return { op, path };
    case 'move':
    case 'copy':
      return { op, path, from: readPath(input, 'from', at) };
    default: {
      const known = 'add, remove, replace, move, copy, test';
      throw new PatchRefusal('invalid', `${at}/op`, `must be one of ${known}`);
    }
  }
}

function readPath(input: JsonObjectInput, name: 'path' | 'from', at: string): Path {
  const text = ownValue(input, name);
  const isPointer = typeof text === 'string' && /^(\/([^~]|~[01])*)?$/s.test(text);
  if (!isPointer) throw new PatchRefusal('invalid', `${at}/${name}`, 'must be a JSON pointer');
  if (text === '') return [];
  return text
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function pointerOf(path: Path): string {
  return path.map(pointerStep).join('') || 'the top';
}

/** By value (RFC 6902, section 4.6): the order of keys and the notation of numbers do not matter. */
function isEqual(a: JsonInput, b: JsonInput): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => isEqual(item, b[at] ?? null));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key] ?? null, b[key] ?? null))
    );
  }
  const [one, other] = [digitsOf(a), digitsOf(b)];
  if (one === null || other === null) return a === b;
  const [first, second] = [canonicalDecimal(one), canonicalDecimal(other)];
  if (first.ok && second.ok) return compareDecimals(first.value, second.value) === 0;
  return Number(one) === Number(other);
}

function digitsOf(value: JsonInput): string | null {
  if (value instanceof ExactNumber) return value.source;
  return typeof value === 'number' ? String(value) : null;
}

export function isObject(value: JsonInput | undefined): value is JsonObjectInput {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof ExactNumber)
  );
}

function ownValue(object: JsonObjectInput, key: string): JsonInput | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A key such as `__proto__` is a key like any other here, and refused later for being unknown. */
function setOwn(object: JsonObjectInput, key: string, value: JsonInput): void {
  const how = { value, enumerable: true, writable: true, configurable: true };
  Object.defineProperty(object, key, how);
}
