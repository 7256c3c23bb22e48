import { CLUSTER_MUTANTS } from './cluster-mutants.ts';
import { ENCRYPTED_MUTANTS } from './encrypted-mutants.ts';
import { FIELD_MUTANTS } from './field-mutants.ts';
import { MODEL_MUTANTS } from './model-mutants.ts';
import type { Mutant } from './mutant.ts';
import { PAST_MUTANTS } from './past-mutants.ts';

/** At least one for each attribute of the language. */
export const MUTANTS: readonly Mutant[] = [
  ...FIELD_MUTANTS,
  ...PAST_MUTANTS,
  ...ENCRYPTED_MUTANTS,
  ...MODEL_MUTANTS,
  ...CLUSTER_MUTANTS,
];
