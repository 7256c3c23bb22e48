/** Resolves after so long. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

/**
 * Asks again and again until there is something other than null.
 *
 * @throws Error with what was waited for, after `timeoutMs`
 */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  check: () => Promise<T | null>,
): Promise<T> {
  const givesUpMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await check().catch(() => null);
    if (found !== null) return found;
    if (performance.now() > givesUpMs) throw new Error(`waited in vain for ${what}`);
    await pause(100);
  }
}
