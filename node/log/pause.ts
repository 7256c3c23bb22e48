/** Lets everything else run before a long piece of work goes on. */
export function pauseBy(defer: (run: () => void) => void): () => Promise<void> {
  return () => new Promise((resolve) => defer(resolve));
}
