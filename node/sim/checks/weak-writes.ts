import type { WeakAttempt } from '../workload/index.ts';

/** What is asked of the clients, and of what the members hold in the end. */
export interface WeakWritesRun {
  readonly attempts: readonly WeakAttempt[];
  readonly odd: readonly string[];
  /** Stamps of all rows of a model, in the end. */
  readonly held: (model: WeakAttempt['model']) => readonly string[];
  /** Whether something happened that can take away what was answered early. */
  readonly mayLose: (attempt: WeakAttempt) => boolean;
}

/**
 * What a write that was answered early may lose, and what not: nothing while no leader and no
 * process came to an end; nothing on a single node whose disk has it; never what a majority had by
 * then; and nothing is done twice, lost in between or not.
 */
export function checkWeakWrites({ attempts, odd, held, mayLose }: WeakWritesRun): string[] {
  const counts = new Map<string, number>();
  for (const model of ['Note', 'Tick'] as const) {
    for (const stamp of held(model)) {
      const name = `${model} ${stamp}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const problems = [...odd];
  for (const attempt of attempts) {
    const name = `${attempt.model} ${attempt.stamp}`;
    const count = counts.get(name) ?? 0;
    counts.delete(name);
    const what = wrongWith(attempt, count, mayLose);
    if (what !== null) problems.push(`${name} ${what}`);
  }
  return [...problems, ...[...counts.keys()].map((name) => `nobody wrote ${name}`)];
}

function wrongWith(
  attempt: WeakAttempt,
  count: number,
  mayLose: WeakWritesRun['mayLose'],
): string | null {
  if (count > 1) return `is there ${count} times`;
  if (attempt.result === 'refused') return count === 0 ? null : 'was refused, and is there';
  if (attempt.result === 'unknown' || count === 1) return null;
  if (attempt.result === 'ordered') return 'was ordered by a majority, and is gone';
  return mayLose(attempt) ? null : 'was answered early, nothing came between, and it is gone';
}
