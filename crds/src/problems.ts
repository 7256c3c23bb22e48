// One refusal: where it is and why, in words a person can act on.

export interface Problem {
  /** `spec.models[0].fields[2].index`; empty for the whole document. */
  path: string;
  /** The same place as a JSON pointer (RFC 6901): `/spec/models/0/fields/2/index`. */
  pointer: string;
  /** Stable, snake_case. */
  code: ProblemCode;
  message: string;
}

/** A problem with its place in a file; line and column count from 1. */
export interface FileProblem extends Problem {
  file: string;
  line: number;
  column: number;
}

export type ProblemCode =
  | 'yaml_syntax'
  | 'unreadable_scalar'
  | 'too_large'
  | 'unknown_attribute'
  | 'not_supported_yet'
  | 'missing_attribute'
  | 'wrong_type'
  | 'invalid_value'
  | 'out_of_range'
  | 'too_many'
  | 'too_few'
  | 'too_long'
  | 'too_deep'
  | 'invalid_name'
  | 'reserved_name'
  | 'duplicate_name'
  | 'duplicate_value'
  | 'invalid_path'
  | 'reserved_path'
  | 'path_clash'
  | 'primary_key'
  | 'does_not_apply'
  | 'conflicting'
  | 'impossible_range'
  | 'impossible_default'
  | 'invalid_pattern'
  | 'unsafe_pattern'
  | 'invalid_expression'
  | 'unreachable_state'
  | 'missing_model'
  | 'missing_field'
  | 'auth_not_declared'
  | 'model_removed'
  | 'soft_delete_removed'
  | 'field_removed'
  | 'field_required'
  | 'type_changed'
  | 'path_changed'
  | 'primary_key_changed'
  | 'consistency_changed'
  | 'reference_changed'
  | 'unique_added'
  | 'computed_changed'
  | 'encryption_changed'
  | 'used_values_removed'
  | 'rule_added'
  | 'constraint_narrowed'
  | 'value_removed'
  | 'cold_store_moved';

/** A place in a document: attribute names and list positions. */
export type Path = readonly (string | number)[];

export function problem(path: Path, code: ProblemCode, message: string): Problem {
  return { path: formatPath(path), pointer: formatPointer(path), code, message };
}

export function formatPath(path: Path): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

function formatPointer(path: Path): string {
  return path
    .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

/** `file:line:column: path: message`, one line. */
export function formatProblem(p: FileProblem): string {
  const where = p.path === '' ? '' : `${p.path}: `;
  return `${p.file}:${p.line}:${p.column}: ${where}${p.message}`.replaceAll(/\s*\n\s*/g, ' ');
}
