// Audit logs on a disk in memory, for tests.
import {
  formatKeyring,
  type KeyRecord,
  MasterKeys,
  newKey,
  parseKeyring,
} from '../../encryption/index.ts';
import type { MemoryFileSystem } from '../../log/index.ts';
import type { AuditEntry, Clock, Logger, Random } from '../../ports/index.ts';
import { type AuditEncryption, AuditLog, type AuditParts, scanAudit } from '../index.ts';

export const DIR = '/data';
export const DAY_MS = 86_400_000;

export function entryOf(id: string, atMs = 1_000): AuditEntry {
  return {
    atMs,
    model: 'Patient',
    operation: 'read',
    subject: 'doctor',
    method: 'apiKey',
    id,
    parameters: ['fields'],
    outcome: 'allowed',
    status: 200,
  };
}

/** A clock whose timers fire when the test says so. */
export class TestClock implements Clock {
  ms = 1_000;
  #timers: (() => void)[] = [];
  nowMs = () => this.ms;
  monotonicMs = () => this.ms;
  after(_delayMs: number, callback: () => void) {
    this.#timers.push(callback);
    return { cancel: () => void (this.#timers = this.#timers.filter((t) => t !== callback)) };
  }
  fire(): void {
    for (const timer of this.#timers.splice(0)) timer();
  }
}

export interface World {
  readonly log: AuditLog;
  readonly clock: TestClock;
  readonly failures: Error[];
  readonly warnings: unknown[];
}

const silent = () => {};

export async function opened(
  fs: MemoryFileSystem,
  more: Partial<AuditParts> = {},
  encryption: AuditEncryption = {},
): Promise<World> {
  const clock = new TestClock();
  const failures: Error[] = [];
  const warnings: unknown[] = [];
  const warn: Logger['warn'] = ({ reason }) => void warnings.push(reason);
  const log = new AuditLog({
    fs,
    dir: DIR,
    node: 'n1',
    clock,
    logger: { debug: silent, info: silent, warn, error: silent },
    isSpaceLow: () => false,
    keepMs: () => Infinity,
    onFailure: (error) => void failures.push(error),
    ...more,
  });
  await log.open(encryption);
  return { log, clock, failures, warnings };
}

export async function idsIn(
  fs: MemoryFileSystem,
  keys: AuditEncryption['keys'] = null,
): Promise<unknown[]> {
  const ids: unknown[] = [];
  for await (const { id } of scanAudit({ fs, dir: DIR, keys })) ids.push(id);
  return ids;
}

let drawn = 0;
const random: Random = {
  fill: (target) => Buffer.from(target.buffer).fill(++drawn) && target,
  fraction: () => 0,
};

/** Keys of one disk, whose secrets are these bytes. */
export function keysOf(...secrets: number[]) {
  const all: KeyRecord[] = [];
  for (const byte of secrets) {
    all.push(newKey(all, new Uint8Array(32).fill(byte), '2026-11-28T12:00:00.000Z'));
  }
  const masters = new MasterKeys(parseKeyring(formatKeyring(all), 'keys.json'));
  return masters.of('disk', random);
}

/** Files of the audit log in which a text can be found. */
export function holding(fs: MemoryFileSystem, text: string): string[] {
  return fs.paths().filter((path) => Buffer.from(fs.contentOf(path)).includes(text));
}

export const FIRST = '0000000001.jsonl';

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

export async function settled(): Promise<void> {
  await turns(100);
}
