import { dirname } from 'node:path';
import type { SeededRandom, SimulatedDisk } from './world/index.ts';

const SECTOR_BYTES = 512;

type Damage = (content: Uint8Array) => void;

/** What a disk may do to what it stored, at a sector. */
const DAMAGES: Readonly<Record<string, (at: number, random: SeededRandom) => Damage>> = {
  'a flipped bit': (at, random) => {
    const position = at + random.between(0, SECTOR_BYTES - 1);
    const bit = 1 << random.between(0, 7);
    return (content) => {
      content[position] = (content[position] ?? 0) ^ bit;
    };
  },
  'a sector of zeros': (at) => (content) => {
    content.fill(0, at, at + SECTOR_BYTES);
  },
  'a misdirected write': (at, random) => {
    const share = random.fraction();
    return (content) => {
      const from = Math.floor((share * content.length) / SECTOR_BYTES) * SECTOR_BYTES;
      content.copyWithin(at, from, from + SECTOR_BYTES);
    };
  },
};

/**
 * Damages something that a disk has stored for good, and tells what; null where there is nothing.
 *
 * Left alone is the last batch of the newest segment of each log (entries, and the outbox): no single
 * disk can tell its damage from a batch that was never finished, so it is cut like one.
 */
export function damageDisk(disk: SimulatedDisk, random: SeededRandom): string | null {
  const paths = disk.paths().filter((path) => !path.endsWith('/lock') && !path.includes('spare-'));
  const path = random.pick(paths);
  const newest = paths
    .filter((other) => other.endsWith('.seg') && dirname(other) === dirname(path))
    .sort()
    .at(-1);
  const size = disk.sizeOf(path);
  const end = path === newest ? Math.min(disk.lastWriteTo(path), size) : size;
  const sectors = Math.floor(end / SECTOR_BYTES);
  if (sectors === 0) return null;
  const at = random.between(0, sectors - 1) * SECTOR_BYTES;
  const kind = random.pick(Object.keys(DAMAGES));
  const damage = DAMAGES[kind]?.(at, random);
  if (damage === undefined) return null;
  disk.damage(path, damage);
  return `${kind} in ${path} at ${at}`;
}
