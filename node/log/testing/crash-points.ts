import assert from 'node:assert/strict';
import type { FileKeys } from '../../encryption/index.ts';
import type { Random } from '../../ports/index.ts';
import { clock, logger, saved, seeded } from '../fixture.ts';
import {
  type DataDirectory,
  type Log,
  MemoryFileSystem,
  openDataDirectory,
  verifyLog,
} from '../index.ts';
import { type DiskImage, DiskModel, type LossLimits } from './disk-model.ts';
import { LogOracle } from './log-oracle.ts';
import { signatureOf, stateOf } from './log-state.ts';
import {
  contentAt,
  DIR,
  entryAt,
  IDENTITY,
  keysFrom,
  LIMITS,
  MemberUnderTest,
  metadataAt,
} from './member-under-test.ts';
import { type Step, Trace } from './trace.ts';
import { TracedDisk } from './traced-file-system.ts';
import { SECRET, type Workload } from './workloads.ts';

/** What is tried of a workload. */
export interface CrashPlan {
  readonly workload: Workload;
  readonly seed: number;
  /** Up to this many unsynced sectors every subset is lost; above it, `samples` subsets are. */
  readonly exhaustiveSectors: number;
  readonly samples: number;
  /** Of so many recoveries, one is cut short as well, at each of its points. */
  readonly secondCrashEvery: number;
  /** Only this one; null for all. */
  readonly point: number | null;
  /** Called now and then. */
  readonly onProgress: (tally: CrashTally) => void;
}

/** What was tried so far. */
export interface CrashTally {
  readonly point: number;
  /** Steps of the trace. */
  readonly of: number;
  readonly points: number;
  readonly images: number;
  readonly secondCrashes: number;
}

/** A recovery that was wrong, and where to find it again. */
export class CrashPointError extends Error {
  readonly point: number;

  constructor(point: number, image: number, options: ErrorOptions) {
    super(`crash point ${point}, image ${image}`, options);
    this.name = 'CrashPointError';
    this.point = point;
  }
}

/** Runs the workload on a disk that answers late and in any order. */
export async function traceOf(workload: Workload, seed: number): Promise<readonly Step[]> {
  const random = seeded(seed);
  const trace = new Trace();
  const disk = new TracedDisk(trace, (run) => later(Math.floor(random.fraction() * 3), run));
  await workload(new MemberUnderTest(disk, random));
  return trace.steps;
}

function later(turns: number, run: () => void): void {
  if (turns === 0) setImmediate(run);
  else setImmediate(() => later(turns - 1, run));
}

/**
 * Cuts the power at every point of a workload at which the disk may hold something else than
 * before, and recovers from everything that it may hold then.
 *
 * @throws CrashPointError for the first recovery that is wrong
 */
export async function tryEveryCrashPoint(plan: CrashPlan): Promise<CrashTally> {
  const steps = await traceOf(plan.workload, plan.seed);
  const run = { steps, disk: new DiskModel(), oracle: new LogOracle() };
  let tally = { points: 0, images: 0, secondCrashes: 0 };
  for (const point of pointsOf(run)) {
    if (plan.point !== null && plan.point !== point) continue;
    const images = run.disk.images(limitsOf(plan, point));
    const { count, secondCrashes } = await tryImages(images, run.oracle, point, plan);
    tally = {
      points: tally.points + 1,
      images: tally.images + count,
      secondCrashes: tally.secondCrashes + secondCrashes,
    };
    plan.onProgress({ point, of: steps.length, ...tally });
  }
  return { point: steps.length, of: steps.length, ...tally };
}

interface Run {
  readonly steps: readonly Step[];
  readonly disk: DiskModel;
  readonly oracle: LogOracle;
}

/**
 * Leads disk and oracle through the trace, and stops before each step that changes what a crash
 * may leave: by then, everything was promised that this state of the disk had to answer for.
 */
function* pointsOf({ steps, disk, oracle }: Run): Generator<number> {
  for (const [point, step] of steps.entries()) {
    if (isChange(step)) yield point;
    disk.step(step);
    if (step.kind === 'fact') oracle.add(step.fact);
  }
  yield steps.length;
}

function isChange(step: Step): boolean {
  return ['write', 'name', 'synced', 'directorySynced'].includes(step.kind);
}

/** The same losses whether all points are tried or one. */
function limitsOf(plan: CrashPlan, point: number): LossLimits {
  const random = seeded(plan.seed * 1_000_003 + point);
  const { exhaustiveSectors, samples } = plan;
  return { exhaustiveSectors, samples, fraction: () => random.fraction() };
}

async function tryImages(
  images: Iterable<DiskImage>,
  oracle: LogOracle,
  point: number,
  plan: CrashPlan,
): Promise<{ count: number; secondCrashes: number }> {
  let [count, secondCrashes] = [0, 0];
  for (const image of images) {
    try {
      await checkRecovery(image, oracle, count, SECRET.has(plan.workload));
      if ((point + count) % plan.secondCrashEvery === 0) {
        secondCrashes += await checkSecondCrash(image, oracle, plan, point + count);
      }
    } catch (error) {
      throw new CrashPointError(point, count, { cause: error });
    }
    count += 1;
  }
  return { count, secondCrashes };
}

/** Recovers under a trace, and cuts the power at every point of that too. */
async function checkSecondCrash(
  image: DiskImage,
  before: LogOracle,
  { workload, seed }: CrashPlan,
  count: number,
) {
  const random = seeded(seed + count);
  const trace = new Trace();
  const disk = new TracedDisk(trace, (run) => later(0, run), image);
  const model = DiskModel.of(image, (path) => disk.inodeOf(path));
  const member = new MemberUnderTest(disk, random);
  if (SECRET.has(workload)) member.encrypt(keysFrom(before.oldestKey));
  await member.open();
  member.append(1);
  await member.settled();
  await member.close();
  const run = { steps: trace.steps, disk: model, oracle: before.copy() };
  const limits = { exhaustiveSectors: 1, samples: 3, fraction: () => random.fraction() };
  let tried = 0;
  for (const _ of pointsOf(run)) {
    for (const second of run.disk.images(limits)) {
      await checkRecovery(second, run.oracle, tried++, SECRET.has(workload));
    }
  }
  return tried;
}

async function checkRecovery(
  image: DiskImage,
  oracle: LogOracle,
  number: number,
  isSecret: boolean,
): Promise<void> {
  const disk = MemoryFileSystem.of(image);
  await requireSound(disk, oracle.begun, oracle.oldestKey);
  if (isSecret) requireNothingPlain(image);
  const { directory, log } = await reopen(disk, oracle, oracle.oldestKey);
  oracle.checkState(stateOf(log));
  checkEntries(log);
  oracle.checkSnapshot(log.recovery.snapshot);
  await checkContent(log);
  await goOn(log, number);
  const expected = signatureOf(stateOf(log));
  await directory.close();
  await requireSound(disk, true, oracle.oldestKey);
  await checkReopened(disk, expected, oracle.oldestKey);
}

/** Contents of entries and snapshots have runs of one letter, or words, that no ciphertext has. */
function requireNothingPlain({ files }: DiskImage): void {
  for (const [path, bytes] of files) {
    const text = new TextDecoder('latin1').decode(bytes);
    assert.doesNotMatch(text, /([a-z])\1{11}|snapshot [0-9]+, part/, `${path} holds plain bytes`);
  }
}

/** What a tool would say about the directory as it stands. */
async function requireSound(
  fs: MemoryFileSystem,
  begun: boolean,
  oldestKey: number,
): Promise<void> {
  const segments = await fs.list(`${DIR}/events.raftlog`).catch(() => []);
  if (!begun && !segments.some((name) => !name.startsWith('spare'))) return;
  const { problem } = await verifyLog({ dir: DIR, fs, keys: keysFrom(oldestKey) });
  assert.equal(problem, null, 'verification finds nothing wrong');
}

async function reopen(fs: MemoryFileSystem, oracle: LogOracle | null, oldestKey: number) {
  const random: Random = seeded(7);
  const directory = await openDataDirectory({ dir: DIR, fs, clock, random, logger });
  oracle?.checkIdentity(directory.identity);
  if (directory.identity === null) await directory.writeIdentity(IDENTITY);
  const keys = keysFrom(oldestKey).of(IDENTITY.diskUuid, random);
  return { directory, log: await openOrClose(directory, keys) };
}

async function openOrClose(directory: DataDirectory, keys: FileKeys): Promise<Log> {
  try {
    return await directory.openLog({ ...LIMITS, keys });
  } catch (error) {
    await directory.close();
    throw error;
  }
}

function checkEntries(log: Log): void {
  const [first, last] = [log.firstIndex(), log.lastIndex()];
  if (last < first) return;
  const found = log.entries(first, last + 1, Number.MAX_SAFE_INTEGER);
  assert.equal(found.length, last - first + 1);
  for (const [position, { index, term, data }] of found.entries()) {
    assert.equal(index, first + position);
    assert.ok(Buffer.compare(data, entryAt(index, term).data) === 0, `content of entry ${index}`);
  }
}

async function checkContent(log: Log): Promise<void> {
  const snapshot = log.recovery.snapshot;
  const chunks: Uint8Array[] = [];
  for await (const chunk of log.readSnapshot() ?? []) chunks.push(chunk);
  const expected = snapshot === null ? [] : [...contentAt(snapshot.index)];
  assert.deepEqual(Buffer.concat(chunks), Buffer.concat(expected));
}

/** The log takes entries; every fourth time it also writes a snapshot and compacts. */
async function goOn(log: Log, number: number): Promise<void> {
  const known = log.initialState().hardState ?? { term: 0, vote: 0, commit: 0 };
  const term = Math.max(known.term, log.term(log.lastIndex())) + 1;
  const next = log.lastIndex() + 1;
  const entries = [entryAt(next, term), entryAt(next + 1, term)];
  await saved(log, { entries, hardState: { ...known, term } });
  if (number % 4 !== 3) return;
  await log.writeSnapshot(metadataAt(next, term), contentAt(next));
  log.compact(next);
  await saved(log, { entries: [entryAt(next + 2, term)] });
}

async function checkReopened(
  fs: MemoryFileSystem,
  expected: string,
  oldestKey: number,
): Promise<void> {
  const { directory, log } = await reopen(fs, null, oldestKey);
  const found = signatureOf(stateOf(log));
  // What was compacted may have been said to be committed only by the recovery that followed.
  assert.equal(found, expected);
  checkEntries(log);
  await directory.close();
}
