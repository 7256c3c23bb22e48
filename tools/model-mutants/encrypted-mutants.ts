// Mutants of encrypted fields.
import type { Mutant } from './mutant.ts';

const FIELD = 'spec.models[].fields[]';
const CIPHER = ['node/encryption/fields.test.ts'];
const SEALED = ['node/http/encrypted-fields.test.ts'];

export const ENCRYPTED_MUTANTS: readonly Mutant[] = [
  {
    attribute: `${FIELD}.encrypted`,
    fault: 'values are proposed in plain',
    file: 'node/command/sealed-rows.ts',
    find: 'return { ...change, json };',
    replace: 'return json === change.json ? { ...change, json } : change;',
    tests: SEALED,
  },
  {
    attribute: `${FIELD}.encrypted`,
    fault: 'a value that stays as it is gets another ciphertext',
    file: 'node/encryption/encrypted-rows.ts',
    find: 'return JSON.stringify(was) === JSON.stringify(value) ? before : null;',
    replace: 'return JSON.stringify(was) === JSON.stringify(value) ? null : null;',
    tests: SEALED,
  },
  {
    attribute: `${FIELD}.encrypted`,
    fault: 'a value opens in another field',
    file: 'node/encryption/field-cipher.ts',
    find: 'JSON.stringify([model, field, id])',
    replace: 'JSON.stringify([model, field.slice(0, 0), id])',
    tests: CIPHER,
  },
  {
    attribute: `${FIELD}.encrypted`,
    fault: 'all rows of a model share a key',
    file: 'node/encryption/field-cipher.ts',
    find: 'JSON.stringify([model, id])',
    replace: 'JSON.stringify([model, id.slice(0, 0)])',
    tests: CIPHER,
  },
  {
    attribute: `${FIELD}.encrypted`,
    fault: 'lengths tell short values apart',
    file: 'node/encryption/field-cipher.ts',
    find: 'Math.ceil(size / STEP_BYTES) * STEP_BYTES',
    replace: 'Math.ceil(size * STEP_BYTES) / STEP_BYTES',
    tests: CIPHER,
  },
  {
    attribute: `${FIELD}.encrypted`,
    fault: 'filters take it',
    file: 'node/query/filter.ts',
    find: "if (field.field.encrypted === true) return operator === 'null';",
    replace: "if (field.field.encrypted === true && operator === 'null') return true;",
    tests: SEALED,
  },
  {
    attribute: `${FIELD}.encrypted`,
    fault: 'expressions read it',
    file: 'crds/src/expression/inspection.ts',
    find: 'this.#row.field(name)?.encrypted === true',
    replace: 'this.#row.field(name)?.encrypted === false',
    tests: ['crds/src/encrypted.test.ts'],
  },
  {
    attribute: `${FIELD}.encrypted`,
    fault: 'the plain hash of a request is kept',
    file: 'node/http/presentation.ts',
    find: 'digest: (body) => cipherOf().digest(body),',
    replace: "digest: (body) => hash('sha256', body, 'hex'),",
    tests: SEALED,
  },
  {
    attribute: `${FIELD}.encrypted`,
    fault: 'traces hold it',
    file: 'node/http/traced-body.ts',
    find: 'hidden === true || encrypted === true || computed',
    replace: 'hidden === true || (encrypted === true && hidden === true) || computed',
    tests: ['node/http/traced-body.test.ts'],
  },
];
