import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HardState } from 'etcd-raft-ts';
import type { Random } from '../ports/index.ts';
import { confState, entries, openMember, seeded } from './fixture.ts';
import { type CrashKind, type Log, LogFailedError, MemoryFileSystem } from './index.ts';

const DIR = '/data';
const LIMITS = { segmentBytes: 16 * 1024, cacheBytes: 4000, maxBatchBytes: 8000 };

/** What a workload asked for, and what it was told, as a check of the log that comes back. */
class Witness {
  /** Every version of an entry that was ever handed to the log. */
  readonly written = new Set<string>();
  readonly hardStates: HardState[] = [];
  /** Entries as acknowledged last, by index; a later save of the same index takes it back. */
  readonly acknowledged = new Map<number, number>();
  acknowledgedHardState = -1;
  /** Snapshots that may be found. */
  readonly snapshots = new Map<number, number>();
  acknowledgedSnapshot = 0;
}

function metadata(index: number, term: number) {
  return { index, term, confState: confState(1, 2, 3) };
}

/** Seeded steps of a member: appends, conflicts, votes, snapshots of its own and of a leader. */
class Workload {
  readonly witness: Witness;
  readonly #log: Log;
  readonly #random: Random;
  #term: number;

  constructor(log: Log, random: Random, witness: Witness) {
    this.#log = log;
    this.#random = random;
    this.witness = witness;
    this.#term = log.initialState().hardState?.term ?? 1;
  }

  #below(limit: number): number {
    return Math.floor(this.#random.fraction() * limit);
  }

  async step(): Promise<void> {
    const die = this.#below(20);
    if (die === 0) await this.#ownSnapshot();
    else if (die === 1) await this.#leaderSnapshot();
    else this.#append(die === 2);
    if (this.#below(3) === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  #append(conflict: boolean): void {
    const { witness } = this;
    const log = this.#log;
    if (conflict) this.#term += 1;
    // What a snapshot covers is committed: no leader ever replaces it.
    const covered = Math.max(0, ...witness.snapshots.keys());
    const lowest = Math.max(log.firstIndex(), log.lastIndex() - 5, covered + 1);
    const from = conflict ? lowest : log.lastIndex() + 1;
    const list = entries(from, from + this.#below(4), this.#term, 20 + this.#below(900));
    const commit = Math.max(log.initialState().hardState?.commit ?? 0, log.firstIndex() - 1);
    const hardState = { term: this.#term, vote: this.#below(4), commit };
    for (const index of witness.acknowledged.keys()) {
      if (index >= from) witness.acknowledged.delete(index);
    }
    for (const { index, term } of list) witness.written.add(`${index}/${term}`);
    const position = witness.hardStates.push(hardState) - 1;
    log.save({ entries: list, hardState }, () => {
      witness.acknowledgedHardState = position;
      for (const { index, term } of list) {
        const live = index <= log.lastIndex() && index >= log.firstIndex();
        if (live && log.term(index) === term) witness.acknowledged.set(index, term);
      }
    });
  }

  async #ownSnapshot(): Promise<void> {
    const log = this.#log;
    const index = log.durableIndex;
    if (index <= (this.witness.acknowledgedSnapshot || 0) || index < log.firstIndex()) return;
    await this.#snapshotAt(index, log.term(index), () =>
      log.writeSnapshot(metadata(index, log.term(index)), content(index)),
    );
    log.compact(index);
  }

  async #snapshotAt(index: number, term: number, write: () => Promise<unknown>): Promise<void> {
    this.witness.snapshots.set(index, term);
    await write();
    this.witness.acknowledgedSnapshot = index;
  }

  async #leaderSnapshot(): Promise<void> {
    const log = this.#log;
    const [index, term] = [log.lastIndex() + 1 + this.#below(20), this.#term + 1];
    this.#term = term;
    const snapshot = metadata(index, term);
    await log.receiveSnapshot(await snapshotFrom(snapshot));
    const hardState = { term, vote: 0, commit: index };
    this.witness.snapshots.set(index, term);
    const position = this.witness.hardStates.push(hardState) - 1;
    this.witness.acknowledged.clear();
    log.save({ snapshot, hardState }, () => {
      this.witness.acknowledgedSnapshot = index;
      this.witness.acknowledgedHardState = position;
    });
  }
}

function* content(index: number): Generator<Uint8Array> {
  for (let i = 0; i < 3; i++) yield new TextEncoder().encode(`snapshot ${index}, part ${i}`);
}

/** The bytes of a snapshot, as a leader with a disk of its own sends them. */
async function snapshotFrom(snapshot: ReturnType<typeof metadata>) {
  const { log } = await openMember(new MemoryFileSystem(), DIR, LIMITS);
  await log.bootstrap(snapshot, content(snapshot.index));
  const stream = await log.openSnapshotStream();
  assert.ok(stream);
  return stream.chunks;
}

/** Everything acknowledged is there, nothing else ever was, and snapshot and log fit together. */
async function check(log: Log, witness: Witness): Promise<void> {
  const [first, last] = [log.firstIndex(), log.lastIndex()];
  const found = last < first ? [] : log.entries(first, last + 1, Number.MAX_SAFE_INTEGER);
  assert.equal(found.length, last - first + 1);
  let term = log.term(first - 1);
  for (const [position, { index, term: own, data }] of found.entries()) {
    assert.equal(index, first + position);
    assert.ok(witness.written.has(`${index}/${own}`), `entry ${index}/${own} was never written`);
    assert.ok(new TextDecoder().decode(data).startsWith(`${index}/${own}/`));
    assert.ok(own >= term, 'terms never go down');
    term = own;
  }
  for (const [index, own] of witness.acknowledged) {
    if (index < first) continue;
    assert.ok(
      index <= last,
      `entry ${index} was acknowledged and is gone; the log ends at ${last}`,
    );
    const known = log.term(index);
    // A later, unacknowledged request may have replaced it.
    assert.ok(known >= own, `entry ${index} was acknowledged in term ${own}, found ${known}`);
  }
  await checkSnapshot(log, witness);
  checkHardState(log, witness);
}

function checkHardState(log: Log, witness: Witness): void {
  const { hardState } = log.initialState();
  if (witness.acknowledgedHardState < 0) return;
  assert.ok(hardState);
  const allowed = witness.hardStates.slice(witness.acknowledgedHardState);
  const { term, vote } = hardState;
  const known = allowed.some((one) => one.term === term && one.vote === vote);
  const raised = [...witness.snapshots.values()].includes(term) && vote === 0;
  assert.ok(known || raised, `vote ${vote} in term ${term} was not the last one acknowledged`);
  assert.ok(hardState.commit <= log.lastIndex(), 'commit lies in the log');
  assert.ok(hardState.commit >= log.firstIndex() - 1, 'commit lies behind compaction');
}

async function checkSnapshot(log: Log, witness: Witness): Promise<void> {
  const snapshot = log.recovery.snapshot;
  assert.ok((snapshot?.index ?? 0) >= witness.acknowledgedSnapshot || hasPrevious(log));
  if (snapshot === null) return;
  assert.equal(witness.snapshots.get(snapshot.index), snapshot.term);
  assert.ok(snapshot.index >= log.firstIndex() - 1 && snapshot.index <= log.lastIndex());
  const parts: string[] = [];
  for await (const part of log.readSnapshot() ?? []) parts.push(new TextDecoder().decode(part));
  const expected = [...content(snapshot.index)].map((part) => new TextDecoder().decode(part));
  assert.deepEqual(parts, expected);
}

/** Between two renames the previous snapshot stands in, which is as good: the log leads on from it. */
function hasPrevious(log: Log): boolean {
  return log.recovery.snapshotFallback !== null;
}

/** Runs steps until the disk halts at the given operation, or the steps are done. */
async function runUntilHalt(disk: MemoryFileSystem, work: () => Promise<void>): Promise<void> {
  const halted = new Promise<void>((resolve) => {
    const poll = () => (disk.halted ? resolve() : setImmediate(poll));
    poll();
  });
  try {
    await Promise.race([work(), halted]);
  } finally {
    disk.crash('process', () => 0);
  }
}

async function runOnce(
  seed: number,
  stopAt: number,
  kind: CrashKind,
): Promise<{ operations: number }> {
  const witness = new Witness();
  const random = seeded(seed);
  let disk = new MemoryFileSystem();
  let operations = 0;
  // Two lives with a crash each, then a last look: recovery itself is crashed into as well.
  for (let life = 0; life < 3; life++) {
    const current = disk;
    const halt = life < 2 ? stopAt : Number.MAX_SAFE_INTEGER;
    current.injectFaults(({ number }) => (number >= halt ? 'halt' : null));
    await runUntilHalt(current, async () => {
      const { log } = await openMember(current, DIR, LIMITS, { random });
      await check(log, witness);
      const workload = new Workload(log, random, witness);
      for (let step = 0; step < (life < 2 ? 12 : 0); step++) await workload.step();
      await new Promise<void>((resolve) => log.save({}, resolve));
    });
    operations = Math.max(operations, current.operations);
    disk = current.crash(kind, () => random.fraction());
  }
  return { operations };
}

describe('a log that crashes', () => {
  for (const kind of ['process', 'power'] as const) {
    test(`at every operation, by loss of ${kind}, keeps all that it acknowledged`, async () => {
      for (let seed = 1; seed <= 3; seed++) {
        const { operations } = await runOnce(seed, Number.MAX_SAFE_INTEGER, kind);
        assert.ok(operations > 20);
        for (let stopAt = 1; stopAt <= operations; stopAt++) {
          try {
            await runOnce(seed, stopAt, kind);
          } catch (error) {
            throw new Error(`seed ${seed}, crash at operation ${stopAt}`, { cause: error });
          }
        }
      }
    });

    test(`at random operations of random workloads, by loss of ${kind}`, async () => {
      for (let seed = 100; seed < 300; seed++) {
        const stopAt = 10 + Math.floor(seeded(seed).fraction() * 90);
        try {
          await runOnce(seed, stopAt, kind);
        } catch (error) {
          throw new Error(`seed ${seed}, crash at operation ${stopAt}`, { cause: error });
        }
      }
    });
  }
});

describe('a log whose disk fails', () => {
  for (const kind of ['write', 'sync'] as const) {
    test(`acknowledges nothing after a failed ${kind}, and never tries again`, async () => {
      const disk = new MemoryFileSystem();
      const { directory, log } = await openMember(disk, DIR, LIMITS);
      await new Promise<void>((resolve) => log.save({ entries: entries(1, 2, 1) }, resolve));
      let failed = 0;
      disk.injectFaults((operation) => {
        if (operation.kind !== kind) return null;
        failed += 1;
        return Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      });
      const failures: Error[] = [];
      log.onFailure((error) => failures.push(error));
      let acknowledged = false;
      log.save({ entries: entries(3, 3, 1) }, () => (acknowledged = true));
      await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(failures.length, 1);
      assert.ok(failures[0] instanceof LogFailedError);
      assert.match(failures[0].message, /0000000000000001\.seg failed: EIO/);
      assert.throws(() => log.save({}, () => undefined), LogFailedError);
      disk.injectFaults(() => null);
      await new Promise((resolve) => setTimeout(resolve, 10));
      assert.deepEqual([acknowledged, failed], [false, 1]);
      await directory.close();
    });
  }

  test('a snapshot that cannot be written leaves the log as it is', async () => {
    const disk = new MemoryFileSystem();
    const { directory, log } = await openMember(disk, DIR, LIMITS);
    await log.bootstrap(metadata(1, 1), content(1));
    disk.injectFaults(({ path }) => (path.includes('raftsnap') ? new Error('ENOSPC') : null));
    await assert.rejects(log.writeSnapshot(metadata(1, 1), content(1)), LogFailedError);
    disk.injectFaults(() => null);
    await new Promise<void>((resolve) => log.save({ entries: entries(2, 2, 1) }, resolve));
    assert.equal(log.snapshot().metadata.index, 1);
    await directory.close();
  });
});
