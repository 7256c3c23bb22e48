import { median } from '../../bench/figures.ts';
/** Appends one record and calls back once it is durable. */
export type Append = (done: () => void) => void;

const ROUND_MS = 300;

/** Acknowledgements per second of `clients` that each wait for one before they send the next. */
export function measure(clients: number, append: Append): Promise<number> {
  return new Promise((resolve) => {
    const start = performance.now();
    let [acknowledged, active] = [0, clients];
    const next = () => {
      const elapsed = performance.now() - start;
      if (elapsed < ROUND_MS) {
        append(() => {
          acknowledged += 1;
          next();
        });
        return;
      }
      active -= 1;
      if (active === 0) resolve((acknowledged / elapsed) * 1000);
    };
    for (let client = 0; client < clients; client++) next();
  });
}

/** What two sides that take turns reached: medians, and that of the ratios of neighbours. */
export interface Comparison {
  readonly rate: number;
  readonly baseline: number;
  readonly ratio: number;
}

/** Rounds of each side in turn, so that both see the same machine. */
export async function compare(
  clients: number,
  rounds: number,
  append: Append,
  baseline: Append,
): Promise<Comparison> {
  const [ours, theirs, ratios]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    const theirRate = await measure(clients, baseline);
    const ourRate = await measure(clients, append);
    theirs.push(theirRate);
    ours.push(ourRate);
    ratios.push(ourRate / theirRate);
  }
  return { rate: median(ours), baseline: median(theirs), ratio: median(ratios) };
}
