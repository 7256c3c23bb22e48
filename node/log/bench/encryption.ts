/**
 * What encryption at rest costs the log: acknowledged records per second at 1, 16, 64 and 256
 * closed-loop clients, each record 256 bytes, an encrypted log against a plain one in rounds that
 * alternate; medians. Run with `node node/log/bench/encryption.ts [DIR]`.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import {
  type FileKeys,
  formatKeyring,
  MasterKeys,
  newKey,
  parseKeyring,
} from '../../encryption/index.ts';
import { CLUSTER, clock, entry, logger, seeded } from '../fixture.ts';
import { NodeFileSystem, openDataDirectory } from '../index.ts';
import { type Append, measure } from './closed-loop.ts';

const ROUNDS = 9;
const RECORD_BYTES = 256;

async function open(dir: string, keys: FileKeys | null) {
  const world = { dir, fs: new NodeFileSystem(), clock, random: seeded(1), logger };
  const directory = await openDataDirectory(world);
  const identity = { diskUuid: 'd', name: 'n', clusterId: CLUSTER, memberId: 1 };
  await directory.writeIdentity(identity);
  const log = await directory.openLog({ keys });
  const { data } = entry(1, 1, RECORD_BYTES);
  const append: Append = (done) =>
    log.save({ entries: [{ index: log.lastIndex() + 1, term: 1, type: 0, data }] }, done);
  return { directory, append };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function main(): Promise<void> {
  const root = fs.mkdtempSync(path.join(process.argv[2] ?? os.tmpdir(), 'lithair-encryption-'));
  try {
    const record = newKey([], new Uint8Array(32).fill(1), '2026-01-01');
    const masters = new MasterKeys(parseKeyring(formatKeyring([record]), 'keys'));
    const plain = await open(path.join(root, 'plain'), null);
    const sealed = await open(path.join(root, 'sealed'), masters.of('d', seeded(2)));
    console.log('clients  plain acks/s  encrypted acks/s  ratio');
    for (const clients of [1, 16, 64, 256]) {
      const rounds: [number, number][] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const one = await measure(clients, plain.append);
        rounds.push([one, await measure(clients, sealed.append)]);
      }
      const figures = [0, 1].map((side) =>
        median(rounds.map((both) => both[side] ?? 0)).toFixed(0),
      );
      const ratio = median(rounds.map(([a, b]) => b / a)).toFixed(2);
      console.log(`${clients}  ${figures.join('  ')}  ${ratio}`);
    }
    await plain.directory.close();
    await sealed.directory.close();
  } finally {
    fs.rmSync(root, { recursive: true });
  }
}

await main();
