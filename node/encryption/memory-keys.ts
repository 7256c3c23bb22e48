import type { Random } from '../ports/index.ts';
import { MasterKeys } from './file-keys.ts';
import { Keyring, newKey, SECRET_BYTES } from './keyring.ts';

/** Master keys of a node whose data end with its process: nothing else ever knows them. */
export function memoryKeys(random: Random): MasterKeys {
  const secret = random.fill(new Uint8Array(SECRET_BYTES));
  return new MasterKeys(new Keyring('memory', [newKey([], secret, '')]));
}
