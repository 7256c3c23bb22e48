// Mutants of what is said of the past of single fields.
import type { Mutant } from './mutant.ts';

const FIELD = 'spec.models[].fields[]';
const HISTORY = ['node/http/history.test.ts'];
const AUDITED = ['node/http/audited-fields.test.ts'];

export const PAST_MUTANTS: readonly Mutant[] = [
  {
    attribute: `${FIELD}.historize.mode`,
    fault: 'values that are never kept are',
    file: 'node/history/rules.ts',
    find: 'never: () => 1,',
    replace: 'never: () => Infinity,',
    tests: HISTORY,
  },
  {
    attribute: `${FIELD}.historize.versions`,
    fault: 'more versions keep their value',
    file: 'node/history/rules.ts',
    find: 'versions ?? 1,',
    replace: 'Infinity,',
    tests: HISTORY,
  },
  {
    attribute: `${FIELD}.audited`,
    fault: 'nobody is told who changed the field',
    file: 'node/history/rules.ts',
    find: 'auditsAll || model.fields.some((field) => field.audited === true)',
    replace: 'auditsAll',
    tests: AUDITED,
  },
  {
    attribute: `${FIELD}.audited`,
    fault: 'all fields are audited where one is',
    file: 'node/history/rules.ts',
    find: 'field.audited === true || model.lifecycle?.audited === true',
    replace:
      'model.fields.some((one) => one.audited === true) || model.lifecycle?.audited === true',
    tests: AUDITED,
  },
  {
    attribute: `${FIELD}.audited`,
    fault: 'changes are told that were made before the field was audited',
    file: 'node/history/rules.ts',
    find: 'return former?.fields.find((field) => field.name === name)?.audited ?? former !== null;',
    replace: 'return true;',
    tests: [...AUDITED, 'node/former-rules.test.ts'],
  },
  {
    attribute: `${FIELD}.versioned`,
    fault: 'no version of the field is kept',
    file: 'crds/src/defaults.ts',
    find: "...(versioned !== undefined && { historize: { mode: 'versions', versions: versioned } }),",
    replace: '',
    tests: ['crds/src/lifecycle.test.ts'],
  },
  {
    attribute: `${FIELD}.historize.versions`,
    fault: 'values that were gone come back where the rule gets weaker',
    file: 'node/http/operations/past.ts',
    find: 'const former = history.formerOf(declared.model.name);',
    replace: 'const former = declared.former;',
    tests: HISTORY,
  },
];
