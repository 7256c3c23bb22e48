// What a string primary key is made of: texts, values of fields, and a number that counts.
import { LIMITS } from './language-terms.ts';
import { type Path, type Problem, type ProblemCode, problem } from './problems.ts';
import { listAt, memberAt } from './raw-value.ts';
import { quote } from './structure.ts';

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'field'; readonly name: string }
  /** Counts from 1 within what stands before it, in so many digits. */
  | { readonly kind: 'sequence'; readonly digits: number };

const TOKEN = /\{([^{}]*)\}|[^{}]+|./gs;
const SEQUENCE = /^sequence:([0-9]{1,2})$/;
const LITERAL = /^[A-Za-z0-9._~:-]+$/;

/**
 * The parts of a template, in order.
 *
 * @throws SyntaxError where it was not validated
 */
export function keyTemplate(template: string): readonly TemplatePart[] {
  return Array.from(template.matchAll(TOKEN), ([token, inside]): TemplatePart => {
    if (inside === undefined) return { kind: 'text', text: token };
    const digits = SEQUENCE.exec(inside)?.[1];
    return digits === undefined
      ? { kind: 'field', name: inside }
      : { kind: 'sequence', digits: Number(digits) };
  });
}

/** Types whose values can stand in a key. */
const KEY_TYPES = ['string', 'enum', 'integer', 'date', 'uuid', 'reference'];

/** Checks the template of a model's key as it is written. */
export function checkTemplate(model: unknown, path: Path): Problem[] {
  return listAt(model, 'fields').flatMap((field, at) => {
    const template = memberAt(field, 'template');
    if (typeof template !== 'string') return [];
    const place = [...path, 'fields', at, 'template'];
    const refuse = (code: ProblemCode, message: string) => [problem(place, code, message)];
    const isKey = memberAt(field, 'primaryKey') === true && memberAt(field, 'type') === 'string';
    if (!isKey) return refuse('does_not_apply', 'template applies to a primary key of type string');
    const parts = keyTemplate(template);
    const wrong = wrongForm(parts) ?? wrongSequence(parts, model);
    if (wrong !== null) return refuse('invalid_value', wrong);
    return [...checkMade(field, place), ...checkParts(parts, model, place)];
  });
}

function wrongForm(parts: readonly TemplatePart[]): string | null {
  const texts = parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []));
  const odd = texts.find((text) => !LITERAL.test(text));
  if (odd !== undefined)
    return `${quote(odd)}: a key takes letters, digits and . _ ~ : - between {}`;
  if (parts[0]?.kind === 'text' && parts[0].text.startsWith('_')) {
    return 'a key that starts with _ is reserved for routes';
  }
  if (texts.length === parts.length) return 'needs a field or a sequence in braces: "{sku}-{lot}"';
  const isTouching = parts.some((part, at) => part.kind !== 'text' && isValue(parts[at + 1]));
  return isTouching ? 'needs a text between two values, or they could not be told apart' : null;
}

function isValue(part: TemplatePart | undefined): boolean {
  return part !== undefined && part.kind !== 'text';
}

function wrongSequence(parts: readonly TemplatePart[], model: unknown): string | null {
  const at = parts.findIndex(({ kind }) => kind === 'sequence');
  const part = parts[at];
  if (part?.kind !== 'sequence') return null;
  if (at !== parts.length - 1) return 'a sequence stands at the end';
  if (part.digits < 1 || part.digits > LIMITS.sequenceDigits) {
    return `a sequence has 1 to ${LIMITS.sequenceDigits} digits, not ${part.digits}`;
  }
  if (memberAt(memberAt(model, 'persistence'), 'consistency') !== 'eventual') return null;
  return 'consistency eventual excludes a sequence: two nodes may count at the same time';
}

/** What bounds a key that the client chooses says nothing of one that is made. */
function checkMade(field: unknown, place: Path): Problem[] {
  return ['required', 'pattern', 'format', 'minLength', 'maxLength'].flatMap((name) => {
    if ([undefined, false].includes(booleanOf(memberAt(field, name)))) return [];
    const message = `${name} does not apply to a key that template makes`;
    return [problem([...place.slice(0, -1), name], 'conflicting', message)];
  });
}

function booleanOf(value: unknown): boolean | undefined {
  return value === undefined || value === false ? value : true;
}

function checkParts(parts: readonly TemplatePart[], model: unknown, place: Path): Problem[] {
  const isFixed = memberAt(memberAt(model, 'lifecycle'), 'immutable') === true;
  return parts.flatMap((part) => {
    if (part.kind !== 'field') return [];
    const fields = listAt(model, 'fields');
    const field = fields.find((candidate) => memberAt(candidate, 'name') === part.name);
    if (field === undefined || memberAt(field, 'primaryKey') === true) {
      const message = `there is no field ${quote(part.name)} that a key could be made of`;
      return [problem(place, 'missing_field', message)];
    }
    const wrong = wrongField(field, part.name, isFixed);
    return wrong === null ? [] : [problem(place, 'conflicting', wrong)];
  });
}

function wrongField(field: unknown, name: string, isFixed: boolean): string | null {
  const type = String(memberAt(field, 'type'));
  if (!KEY_TYPES.includes(type)) {
    return `${name} is of type ${type}; a key takes ${KEY_TYPES.join(', ')}`;
  }
  const isThere = memberAt(field, 'required') === true && memberAt(field, 'nullable') !== true;
  if (!isThere) return `${name} must be required and not nullable: every row has a key`;
  const isMade = ['default', 'defaultFrom'].some((from) => memberAt(field, from) !== undefined);
  if (isMade) return `${name} must be sent: a key is made of what the client says`;
  if (memberAt(field, 'encrypted') === true) {
    return `${name} is encrypted: keys stand in plain wherever rows are named`;
  }
  const isClosed = memberAt(memberAt(field, 'permissions'), 'read') !== undefined;
  if (isClosed || memberAt(field, 'hidden') === true) {
    return `${name} is not for all to read: whoever may read a row knows its key`;
  }
  if (isFixed || memberAt(field, 'immutable') === true) return null;
  return `${name} must be immutable: a key never changes`;
}
