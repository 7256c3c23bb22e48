/** A process of its own that runs the seeds that it is sent, one after the other. */
import { judgeSeed } from './judge-seed.ts';

process.on('message', (seed) => {
  if (typeof seed === 'number') void answer(seed);
});
process.on('disconnect', () => process.exit(0));

async function answer(seed: number): Promise<void> {
  process.send?.(await judgeSeed(seed));
}
