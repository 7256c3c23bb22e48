/** Pauses. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A duration in seconds, for people. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/**
 * Asks until the answer is neither null nor false, and returns it.
 *
 * @throws Error naming what was waited for and the last answer or error.
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | null | false | Promise<T | null | false>,
  timeoutMs = 120_000,
  everyMs = 500,
): Promise<T> {
  const startedMs = performance.now();
  let last = '';
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== null && answer !== false) return answer;
      last = 'not yet';
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() - startedMs > timeoutMs) {
      throw new Error(`waited ${seconds(timeoutMs)} for ${what}: ${last}`);
    }
    await sleep(everyMs);
  }
}
