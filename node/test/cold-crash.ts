/** Power cuts at every operation of a member that moves history to a cold store. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { formatKeyring, MasterKeys, newKey, parseKeyring } from '../encryption/index.ts';
import { seeded } from '../log/fixture.ts';
import { type FileSystem, MemoryFileSystem, readFile } from '../log/index.ts';
import { CrashPointError } from '../log/testing/crash-points.ts';
import { type DiskImage, DiskModel } from '../log/testing/disk-model.ts';
import { type Step, Trace } from '../log/testing/trace.ts';
import { TracedDisk, TracedFileSystem } from '../log/testing/traced-file-system.ts';
import { createState, type ReplicatedState, restoreState } from '../state/index.ts';
import { KeptGroup, type KeptMember, noteSchema, priceOf, SECOND_MS } from './kept-history.ts';

const DAY_MS = 86_400_000;
const RETENTION_MS = 7 * DAY_MS;
const LIFECYCLE = { retention: { hot: '1d', warm: '2d', cold: '4d' } };
const STORE = { cold: { type: 'directory', directory: '/cold' } };
const LIMITS = { hotBytes: 1e9, pollMs: SECOND_MS };
const IDS = ['a', 'b'];
const DAYS = 11;
const FOLDER = '/cold/c1/1';
const ARCHIVE = '/data/archive';
/** The disk answers within three turns: after so many without a step nothing is under way. */
const QUIET_TURNS = 12;

/** What is tried. */
export interface ColdCrashPlan {
  readonly seed: number;
  readonly encrypted: boolean;
  /** Of so many points, one is tried. */
  readonly pointEvery: number;
  /** Of so many recoveries, one goes on for days. */
  readonly goOnEvery: number;
  readonly exhaustiveSectors: number;
  readonly samples: number;
  /** Only this one; null for all. */
  readonly point: number | null;
  readonly onProgress: (tally: ColdCrashTally) => void;
}

/** What was tried so far. */
export interface ColdCrashTally {
  readonly point: number;
  readonly of: number;
  readonly points: number;
  readonly images: number;
  /** Recoveries that went on for days. */
  readonly goneOn: number;
}

/** What all members have applied from one step of the trace on. */
interface Applied {
  readonly from: number;
  readonly state: readonly Uint8Array[];
  /** When each version of a note was made, from the first one on. */
  readonly times: ReadonlyMap<string, readonly number[]>;
}

function keysOf({ encrypted, seed }: ColdCrashPlan) {
  if (!encrypted) return null;
  const key = newKey([], new Uint8Array(32).fill(5), '2026-11-28T12:00:00.000Z');
  return new MasterKeys(parseKeyring(formatKeyring([key]), 'keys.json')).of('d1', seeded(seed));
}

/** Notes of several days; counts what it made of each. */
class Days {
  readonly group: KeptGroup;
  readonly times: Map<string, number[]>;
  readonly #isQuiet: () => Promise<void>;

  constructor(group: KeptGroup, times: Applied['times'], isQuiet: () => Promise<void>) {
    this.group = group;
    this.times = new Map([...times].map(([id, list]) => [id, [...list]]));
    this.#isQuiet = isQuiet;
  }

  async pass(days: number): Promise<void> {
    for (let day = 0; day < days; day++) {
      for (const id of IDS) this.#change(id);
      this.group.clock.ms += DAY_MS;
      for (let round = 0; round < 3; round++) {
        this.group.clock.ms += 400 * SECOND_MS;
        for (const { keeper } of this.group.members) keeper.start();
        await this.#isQuiet();
      }
    }
  }

  #change(id: string): void {
    const times = this.times.get(id) ?? [];
    times.push(this.group.clock.nowMs());
    this.times.set(id, times);
    this.group.change(id);
  }
}

/** Runs the workload on a disk that answers late and in any order. */
async function traceOf(
  plan: ColdCrashPlan,
): Promise<{ steps: readonly Step[]; applied: Applied[] }> {
  const random = seeded(plan.seed);
  const trace = new Trace();
  const disk = new TracedDisk(trace, (run) => later(Math.floor(random.fraction() * 3), run));
  const fs = new TracedFileSystem(disk);
  await fs.makeDirectory('/cold');
  const group = await KeptGroup.around(emptyState(), fs, { keys: keysOf(plan), limits: LIMITS });
  const applied: Applied[] = [];
  const days = new Days(group, new Map(), () => quiet(trace));
  const note = (): void => {
    const state = group.members[0]?.state;
    if (state === undefined) throw new Error('a group has members');
    const chunks = [...state.snapshot()].map((chunk) => chunk.slice());
    const times = new Map([...days.times].map(([id, list]) => [id, [...list]]));
    applied.push({ from: trace.steps.length, state: chunks, times });
  };
  note();
  group.onApplied = note;
  await days.pass(DAYS);
  const [member] = group.members;
  assert.ok((member?.keeper.coldFigures.uploadedObjects ?? 0) > 2, 'something got cold');
  return { steps: trace.steps, applied };
}

function emptyState(): ReplicatedState {
  return createState({
    clusterId: 'c1',
    epoch: 1,
    schema: noteSchema({ lifecycle: LIFECYCLE, store: STORE }),
    members: [{ id: 1, name: 'n1', address: 'n1:1', diskUuid: 'd1', intent: 'voter' }],
    nowMs: Date.UTC(2026, 0, 1),
  });
}

function later(turns: number, run: () => void): void {
  if (turns === 0) setImmediate(run);
  else setImmediate(() => later(turns - 1, run));
}

async function quiet({ steps }: Trace): Promise<void> {
  let known = -1;
  for (let still = 0; still < QUIET_TURNS; still++) {
    if (steps.length !== known) still = 0;
    known = steps.length;
    await nextTurn();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 80; turn++) await nextTurn();
}

/**
 * Cuts the power at every point of the workload at which disk or store may hold something else than
 * before, and recovers from everything that they may hold then.
 *
 * @throws CrashPointError for the first recovery that is wrong
 */
export async function tryEveryColdCrash(plan: ColdCrashPlan): Promise<ColdCrashTally> {
  const { steps, applied } = await traceOf(plan);
  const disk = new DiskModel();
  let tally = { point: 0, of: steps.length, points: 0, images: 0, goneOn: 0 };
  let changes = 0;
  for (const [point, step] of steps.entries()) {
    const isDue = isChange(step) && changes++ % plan.pointEvery === plan.seed % plan.pointEvery;
    const isAsked = plan.point === null || plan.point === point;
    const state = applied.findLast(({ from }) => from <= point);
    if (isDue && isAsked && state !== undefined) {
      const tried = await tryPoint(disk, state, point, plan);
      tally = {
        point,
        of: steps.length,
        points: tally.points + 1,
        images: tally.images + tried.images,
        goneOn: tally.goneOn + tried.goneOn,
      };
      plan.onProgress(tally);
    }
    disk.step(step);
  }
  return tally;
}

function isChange(step: Step): boolean {
  return ['write', 'name', 'synced', 'directorySynced'].includes(step.kind);
}

async function tryPoint(disk: DiskModel, applied: Applied, point: number, plan: ColdCrashPlan) {
  const random = seeded(plan.seed * 1_000_003 + point);
  const { exhaustiveSectors, samples } = plan;
  let [images, goneOn] = [0, 0];
  const fraction = () => random.fraction();
  for (const image of disk.images({ exhaustiveSectors, samples, fraction })) {
    const goesOn = (point + images) % plan.goOnEvery === 0;
    try {
      await checkRecovery(image, applied, plan, goesOn);
    } catch (error) {
      throw new CrashPointError(point, images, { cause: error });
    }
    images += 1;
    goneOn += Number(goesOn);
  }
  return { images, goneOn };
}

async function checkRecovery(
  image: DiskImage,
  applied: Applied,
  plan: ColdCrashPlan,
  goesOn: boolean,
): Promise<void> {
  const fs = MemoryFileSystem.of(image);
  const state = await restoreState(applied.state);
  const group = await KeptGroup.around(state, fs, { keys: keysOf(plan), limits: LIMITS });
  const [member] = group.members;
  assert.ok(member);
  await requireObjects(fs, member);
  await requireKept(member, applied.times);
  if (plan.encrypted) await requireNothingPlain(fs);
  if (!goesOn) return;
  const days = new Days(group, applied.times, turns);
  await days.pass(4);
  await member.keeper.seal();
  await member.keeper.tidy();
  await requireObjects(fs, member);
  await requireKept(member, days.times);
  await requireNothingElse(fs, member, days.times);
}

/** Whatever the list names lies in the store as a whole: no object is half used. */
async function requireObjects(fs: FileSystem, { state }: KeptMember): Promise<void> {
  for (const { name, bytes, sha256 } of state.history.coldOf('Note')) {
    const content = await readFile(fs, `${FOLDER}/${name}`);
    assert.equal(content.length, bytes, name);
    assert.equal(createHash('sha256').update(content).digest('hex'), sha256, name);
  }
}

/** Everything that was acknowledged and is still kept is read, whole and in order. */
async function requireKept(member: KeptMember, times: Applied['times']): Promise<void> {
  const nowMs = member.state.logTimeMs;
  for (const [id, made] of times) {
    const found = (await member.keeper.reader()?.versions('Note', id, Infinity, 1000)) ?? [];
    const versions = found.map(({ version }) => version);
    const oldest = made.findIndex((timeMs) => nowMs - timeMs <= RETENTION_MS) + 1;
    const expected = Array.from({ length: made.length - oldest + 1 }, (_, at) => made.length - at);
    assert.deepEqual(versions.slice(0, expected.length), expected, id);
    for (const { version, json } of found.slice(0, expected.length)) {
      assert.ok(json?.includes(priceOf(id, version)), `version ${version} of ${id}`);
    }
  }
}

async function requireNothingPlain(fs: MemoryFileSystem): Promise<void> {
  for (const path of fs.paths()) {
    const text = new TextDecoder('latin1').decode(await readFile(fs, path));
    assert.ok(!text.includes('price:'), `${path} holds a value in plain`);
  }
}

/** What expired is gone with its bytes, and nothing is left that nothing names. */
async function requireNothingElse(
  fs: FileSystem,
  member: KeptMember,
  times: Applied['times'],
): Promise<void> {
  const named = member.state.history.coldOf('Note').map(({ name }) => name);
  assert.deepEqual(await namesIn(fs, FOLDER), named.toSorted());
  const files = member.archive.files.map(({ name }) => name);
  const ends = named.map((name) => `${name}.end`);
  assert.deepEqual(await namesIn(fs, ARCHIVE), [...files, ...ends].toSorted());
  const text = await textOf(member);
  const nowMs = member.state.logTimeMs;
  for (const [id, made] of times) {
    for (const [at, timeMs] of made.slice(0, -1).entries()) {
      if (nowMs - timeMs <= RETENTION_MS) continue;
      assert.ok(!text.includes(priceOf(id, at + 1)), `version ${at + 1} of ${id} came back`);
    }
  }
}

async function namesIn(fs: FileSystem, directory: string): Promise<string[]> {
  if ((await fs.stat(directory)) === null) return [];
  return (await fs.list(directory)).toSorted();
}

/** Everything that is archived here and in the store. */
async function textOf({ keeper }: KeptMember): Promise<string> {
  const held = await keeper.hold();
  const texts: string[] = [];
  for (const file of held.files) {
    for await (const records of file.all()) texts.push(JSON.stringify(records));
  }
  held.release();
  return texts.join('\n');
}
