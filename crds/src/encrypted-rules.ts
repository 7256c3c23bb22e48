// What excludes that the value of a field is stored as ciphertext: everything that would look at it.
import type { AuthoredField } from './authored.ts';
import { type Path, type Problem, problem } from './problems.ts';

const WHY = {
  primaryKey: 'a primary key stands in every address',
  unique: 'equal values have different ciphertexts',
  collation: 'nothing compares its values',
  states: 'transitions look at the value that was stored',
  computed: 'what it is made of stands beside it in plain',
} as const;

/** Checks a field by itself. */
export function checkEncryptedField(field: AuthoredField, path: Path): Problem[] {
  if (field.encrypted !== true) return [];
  const refuse = (attribute: string, why: string) =>
    problem([...path, attribute], 'conflicting', `encrypted excludes ${attribute}: ${why}`);
  const problems = Object.entries(WHY).flatMap(([attribute, why]) => {
    const given: unknown = Reflect.get(field, attribute);
    return given === undefined || given === false ? [] : [refuse(attribute, why)];
  });
  if ((field.index ?? 'none') !== 'none') {
    problems.push(refuse('index', 'no index holds its values'));
  }
  if (field.type === 'reference') {
    const message = 'encrypted excludes type reference: rows are looked up by what refers to them';
    problems.push(problem([...path, 'type'], 'conflicting', message));
  }
  return problems;
}
