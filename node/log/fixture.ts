import assert from 'node:assert/strict';
import type { ConfState, Entry, HardState } from 'etcd-raft-ts';
import type { Clock, Logger, Random } from '../ports/index.ts';
import {
  type DataDirectory,
  type DataDirectoryOptions,
  type FileSystem,
  type Log,
  type LogOptions,
  openDataDirectory,
  type SaveRequest,
} from './index.ts';

/** What the tests and the benchmark of this room share. */
export const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

export const logger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** A seeded generator (mulberry32): the same seed, the same run. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const fill = (target: Uint8Array) => {
    for (let i = 0; i < target.length; i++) target[i] = fraction() * 256;
    return target;
  };
  return { fill, fraction };
}

export const CLUSTER = '0198c2a0-0000-7000-8000-000000000001';

/** Opens a directory as member 1 of {@link CLUSTER}. */
export async function openMember(
  fs: FileSystem,
  dir: string,
  options: LogOptions = {},
  more: Partial<DataDirectoryOptions> = {},
): Promise<{ directory: DataDirectory; log: Log }> {
  const random = seeded(7);
  const directory = await openDataDirectory({ dir, fs, clock, random, logger, ...more });
  try {
    if (directory.identity === null) {
      const member = { clusterId: CLUSTER, memberId: 1, name: 'n1' };
      await directory.writeIdentity({ diskUuid: 'd1', ...member });
    }
    return { directory, log: await directory.openLog({ segmentBytes: 64 * 1024, ...options }) };
  } catch (error) {
    await directory.close();
    throw error;
  }
}

/** Resolves when the request is durable. */
export function saved(log: Log, request: SaveRequest): Promise<void> {
  return new Promise((resolve) => log.save(request, resolve));
}

/** An entry whose payload can be told from every other one. */
export function entry(index: number, term: number, bytes = 40): Entry {
  const text = `${index}/${term}/`.padEnd(bytes, String(index % 10));
  return { index, term, type: 0, data: new TextEncoder().encode(text.slice(0, bytes)) };
}

export function entries(from: number, to: number, term: number, bytes?: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, term, bytes));
}

export function hardState(term: number, vote: number, commit: number): HardState {
  return { term, vote, commit };
}

export function confState(...voters: number[]): ConfState {
  return { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
}

/** All entries that the log holds, as `index/term`: the same as objects and as a replay reads them. */
export function contents(log: Log): string[] {
  const [first, last] = [log.firstIndex(), log.lastIndex()];
  if (last < first) return [];
  const all = log.entries(first, last + 1, Number.MAX_SAFE_INTEGER);
  const visited: string[] = [];
  log.visit(first, last + 1, (index, term, bytes, start, end) => {
    visited.push(`${index} ${term} ${bytes.toString('latin1', start, end)}`);
  });
  const whole = all.map(({ index, term, data }) => {
    return `${index} ${term} ${Buffer.from(data).toString('latin1')}`;
  });
  assert.deepEqual(visited, whole);
  return all.map(({ data }) => new TextDecoder().decode(data).split('/').slice(0, 2).join('/'));
}

/** What `contents` answers for these entries. */
export function names(from: number, to: number, term: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}/${term}`);
}
