/**
 * What encryption at rest costs the audit log: entries that are durable per second at 1, 16, 64 and
 * 256 closed-loop clients, an encrypted log against a plain one in rounds that alternate; medians.
 * Run with `node node/audit/bench/encryption.ts [DIR]`.
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
import { type Append, compare } from '../../log/bench/closed-loop.ts';
import { clock, logger, seeded } from '../../log/fixture.ts';
import { NodeFileSystem } from '../../log/index.ts';
import { AuditLog } from '../index.ts';

const ROUNDS = 9;
const ENTRY = {
  atMs: 1_700_000_000_000,
  model: 'Patient',
  operation: 'read',
  subject: 'doctor-7',
  method: 'apiKey',
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  parameters: ['fields'],
  outcome: 'allowed',
  status: 200,
} as const;

async function open(dir: string, keys: FileKeys | null): Promise<[AuditLog, Append]> {
  const log = new AuditLog({
    fs: new NodeFileSystem(),
    dir,
    node: 'n1',
    clock,
    logger,
    isSpaceLow: () => false,
    keepMs: () => Infinity,
    onFailure: (error) => {
      throw error;
    },
  });
  fs.mkdirSync(dir);
  await log.open({ keys });
  const append = async (done: () => void): Promise<void> => {
    await log.record(ENTRY);
    done();
  };
  return [log, (done) => void append(done)];
}

async function main(): Promise<void> {
  const root = fs.mkdtempSync(path.join(process.argv[2] ?? os.tmpdir(), 'lithair-audit-'));
  try {
    const key = newKey([], new Uint8Array(32).fill(1), '2026-01-01T00:00:00.000Z');
    const masters = new MasterKeys(parseKeyring(formatKeyring([key]), 'keys'));
    const [plain, toPlain] = await open(path.join(root, 'plain'), null);
    const [sealed, toSealed] = await open(path.join(root, 'sealed'), masters.of('d', seeded(2)));
    console.log('clients  plain entries/s  encrypted entries/s  ratio');
    for (const clients of [1, 16, 64, 256]) {
      const { rate, baseline, ratio } = await compare(clients, ROUNDS, toSealed, toPlain);
      console.log(`${clients}  ${baseline.toFixed(0)}  ${rate.toFixed(0)}  ${ratio.toFixed(2)}`);
    }
    await plain.close();
    await sealed.close();
  } finally {
    fs.rmSync(root, { recursive: true });
  }
}

await main();
