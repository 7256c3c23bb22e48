import { checkAnswers } from './answers.ts';
import { checkConstraintHistory } from './constraint-history.ts';
import { checkConstraints } from './constraints.ts';
import { checkAtomic, checkDurable } from './durable.ts';
import { gather } from './evidence.ts';
import { checkExactlyOnce } from './exactly-once.ts';
import { checkIndexOrder } from './index-order.ts';
import { checkLinearizable } from './linearizable.ts';
import { checkReplicas } from './replicas.ts';
import { checkSessions } from './sessions.ts';
import type { History, Violation } from './types.ts';

/** Runs every check. Pure; an empty list means that every promise was kept. */
export function checkHistory(history: History): Violation[] {
  const evidence = gather(history);
  return [
    ...checkAnswers(history.operations),
    ...checkExactlyOnce(evidence),
    ...checkDurable(evidence),
    ...checkAtomic(evidence),
    ...checkReplicas(history.finalStates),
    ...checkConstraints(history),
    ...checkConstraintHistory(evidence),
    ...checkIndexOrder(evidence),
    ...checkSessions(evidence),
    ...checkLinearizable(evidence.keys),
  ];
}
