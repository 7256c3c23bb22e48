import type { SeededRandom, SimulatedDisk } from './world/index.ts';

const SECTOR_BYTES = 512;

type Damage = (content: Uint8Array, at: number, random: SeededRandom) => void;

/** What a disk may do to what it stored, at a sector. */
const DAMAGES: Readonly<Record<string, Damage>> = {
  'a flipped bit': (content, at, random) => {
    const position = at + random.between(0, SECTOR_BYTES - 1);
    content[position] = (content[position] ?? 0) ^ (1 << random.between(0, 7));
  },
  'a sector of zeros': (content, at) => {
    content.fill(0, at, at + SECTOR_BYTES);
  },
  'a misdirected write': (content, at, random) => {
    const sectors = Math.max(1, Math.floor(content.length / SECTOR_BYTES));
    const from = random.between(0, sectors - 1) * SECTOR_BYTES;
    content.copyWithin(at, from, from + SECTOR_BYTES);
  },
};

/**
 * Damages something that a disk has stored for good, and tells what; null where there is nothing.
 *
 * Left alone is the last batch of the newest segment: no single disk can tell its damage from a
 * batch that was never finished, so it is cut like one. See docs/adr on the simulator.
 */
export function damageDisk(disk: SimulatedDisk, random: SeededRandom): string | null {
  const paths = disk.paths().filter((path) => !path.endsWith('/lock') && !path.includes('spare-'));
  const segments = paths.filter((path) => path.endsWith('.seg')).sort();
  const path = random.pick([...paths]);
  const newest = segments.at(-1) === path;
  const lastWrite = disk.lastWriteTo(path);
  const kind = random.pick(Object.keys(DAMAGES));
  let what: string | null = null;
  disk.damage(path, (content) => {
    const end = newest ? Math.min(lastWrite, content.length) : content.length;
    const sectors = Math.floor(end / SECTOR_BYTES);
    if (sectors === 0) return;
    const at = random.between(0, sectors - 1) * SECTOR_BYTES;
    DAMAGES[kind]?.(content, at, random);
    what = `${kind} in ${path} at ${at}`;
  });
  return what;
}
