import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { decodeConfChangeV2, type Entry, EntryType, NO_BYTES } from 'etcd-raft-ts';
import { FieldVault, type FileKeys, type MasterKeys } from '../encryption/index.ts';
import { decodeEntry } from '../entry/index.ts';
import {
  createFile,
  type FileSystem,
  openDataDirectory,
  SNAPSHOT_PURPOSE,
  scanSnapshots,
} from '../log/index.ts';
import type { Clock, Logger, MemberRecord, Random } from '../ports/index.ts';
import { type ReplicatedState, restoreState } from '../state/index.ts';
import { EntriesDecoder } from './entries-format.ts';
import { BackupError } from './errors.ts';
import { type BackupPart, type Manifest, readManifest, syncDirectory } from './manifest.ts';
import { appendTo, backupKeys, readPartFile } from './part-file.ts';
import { PullReader } from './pull-reader.ts';
import {
  archiveBehind,
  type CarriedArchive,
  requireDigest,
  restoreArchive,
} from './restore-archive.ts';

/** The name under which a snapshot file is looked for in a data directory. */
const SNAPSHOT_NAME = 'state.raftsnap';
/** The only member of a restored cluster; the others join it. */
const MEMBER_ID = 1;

/** The moment to restore: an index, a log time (epoch ms), or null for all that there is. */
export type RestorePoint =
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'time'; readonly timeMs: number }
  | null;

/** What a restore touches of the world. */
export interface RestoreWorld {
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Master keys; null where there are none, which does for what is not encrypted. */
  readonly keys: MasterKeys | null;
}

/** The cluster that a restore founds. */
export interface NewCluster {
  readonly clusterId: string;
  readonly diskUuid: string;
  /** Of its only member. */
  readonly name: string;
  /** Where its peers will reach it; announced anew when it starts. */
  readonly address: string;
}

/** What was restored. */
export interface Restored {
  readonly clusterId: string;
  readonly epoch: number;
  readonly index: number;
  /** Log time of the restored state, epoch milliseconds. */
  readonly logTimeMs: number;
  /** Whether history was archived before the backup, and is not part of it. */
  readonly lacksHistory: boolean;
  /** The master key that encrypted fields need; null where there are none. */
  readonly fieldKeyId: number | null;
}

/** What a check found; every part was read and compared. */
export interface CheckedBackup {
  readonly clusterId: string;
  readonly parts: number;
  readonly bytes: number;
  /** The earliest and the latest entry that can be restored. */
  readonly from: number;
  readonly to: number;
}

/** A backup that is read. */
export interface BackupPlace {
  readonly dir: string;
  readonly manifest: Manifest;
  /** Null: nothing in it can be read that is encrypted. */
  readonly keys: FileKeys | null;
}

/** Where parts are unpacked: nothing lies there in plain where there are keys. */
interface TemporaryPlace {
  readonly dir: string;
  readonly fs: FileSystem;
  readonly keys: FileKeys | null;
}

/** The applied state of a backup at a point, and the term of its last entry. */
interface Position {
  readonly state: ReplicatedState;
  readonly term: number;
  /** Null where the state is the whole history, or the rest is not in the backup. */
  readonly archive: CarriedArchive | null;
}

/**
 * Reads every byte of a backup.
 *
 * @throws BackupError that names the first bad file; EncryptionError where keys are needed
 */
export async function checkBackup(dir: string, masters: MasterKeys | null): Promise<CheckedBackup> {
  const manifest = await manifestOf(dir);
  const from = { dir, manifest, keys: backupKeys(masters, manifest.clusterId, null) };
  for (const part of manifest.parts) {
    await requireDigest(dir, part);
    if (part.kind === 'entries') for await (const entry of entriesOf(from, part)) void entry;
    else
      for await (const piece of readPartFile(join(dir, part.file), part.file, from.keys))
        void piece;
  }
  const [first, last] = [manifest.parts[0], manifest.parts.at(-1)];
  return {
    clusterId: manifest.clusterId,
    parts: manifest.parts.length,
    bytes: manifest.parts.reduce((sum, part) => sum + part.bytes, 0),
    from: first?.index ?? 0,
    to: last?.index ?? 0,
  };
}

/**
 * Makes a data directory from a backup: a new cluster, in a new epoch, with one member. Everything
 * is verified on the way, and the directory gets its name when all of it is durable.
 *
 * @throws BackupError `refused` where `into` exists, `out_of_reach`, `corrupt`
 */
export async function restoreBackup(
  dir: string,
  into: string,
  point: RestorePoint,
  cluster: NewCluster,
  world: RestoreWorld,
): Promise<Restored> {
  await requireFree(into);
  const manifest = await manifestOf(dir);
  const parent = dirname(into);
  const temporary = join(parent, `.${basename(into)}.restoring`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  try {
    const keys = backupKeys(world.keys, manifest.clusterId, null);
    const own = world.keys?.of(cluster.diskUuid, world.random) ?? null;
    const from = { dir, manifest, keys };
    const position = await positionAt(from, point, { dir: temporary, fs: world.fs, keys: own });
    requireKeys(position.state, own);
    requireFieldKeys(position.state, world);
    const restored = await writeDirectory(temporary, position, cluster, world, own);
    const clusters = { from: manifest.clusterId, to: cluster.clusterId };
    if (position.archive !== null)
      await restoreArchive(from, temporary, position.archive, clusters, { ...world, keys: own });
    await rename(temporary, into);
    await syncDirectory(parent);
    return restored;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** @throws BackupError where the restored cluster would hold in plain what must be encrypted */
function requireKeys({ schema }: ReplicatedState, keys: FileKeys | null): void {
  if (keys !== null || !isSecret({ schema })) return;
  const text = 'a model is encrypted at rest: give the keys, too (--keys FILE)';
  throw new BackupError('refused', text);
}

/** @throws EncryptionError where the keys that were given do not open encrypted fields */
function requireFieldKeys(
  { schema, pendingChange }: ReplicatedState,
  { keys, random }: RestoreWorld,
): void {
  if (keys === null) return;
  const vault = new FieldVault(keys, random);
  for (const each of [schema, pendingChange?.schema]) {
    if (each?.fieldKey !== undefined) vault.of(each);
  }
}

function isSecret({ schema }: Pick<ReplicatedState, 'schema'>): boolean {
  return schema.models.some(({ encryptionAtRest }) => encryptionAtRest === true);
}

async function requireFree(into: string): Promise<void> {
  const names = await readdir(into).catch(() => null);
  if (names === null || names.length === 0) return;
  throw new BackupError('refused', `${into} is there already: restore into a new directory`);
}

async function manifestOf(dir: string): Promise<Manifest> {
  const manifest = await readManifest(dir);
  if (manifest === null) throw new BackupError('refused', `${dir} holds no backup`);
  for (const [at, part] of manifest.parts.entries()) {
    const before = manifest.parts[at - 1];
    if (part.kind !== 'entries') continue;
    if (before?.index === part.previousIndex) continue;
    throw new BackupError('corrupt', `${part.file} does not follow the part before it`);
  }
  return manifest;
}

/** From the latest snapshot that is not behind the point, through the entries up to it. */
async function positionAt(
  from: BackupPlace,
  point: RestorePoint,
  temporary: TemporaryPlace,
): Promise<Position> {
  const { dir, manifest } = from;
  requireWithin(manifest, point);
  for (const part of snapshotsBefore(manifest, point)) {
    await requireDigest(dir, part);
    const state = await stateOf(from, part, temporary);
    const isBehind = point?.kind === 'time' && state.logTimeMs > point.timeMs;
    if (!isBehind) return replay(from, part, state, point);
  }
  const first = manifest.parts[0]?.index ?? 0;
  throw new BackupError('out_of_reach', `the backup begins at entry ${first}, behind that point`);
}

function requireWithin({ parts }: Manifest, point: RestorePoint): void {
  const last = parts.at(-1)?.index ?? 0;
  if (point?.kind !== 'index' || point.index <= last) return;
  throw new BackupError('out_of_reach', `the backup ends at entry ${last}`);
}

/** The latest first. Those that begin behind an index cannot lead to it; times are told by states. */
function snapshotsBefore({ parts }: Manifest, point: RestorePoint): readonly BackupPart[] {
  const snapshots = parts.filter(({ kind }) => kind === 'snapshot').toReversed();
  return point?.kind === 'index'
    ? snapshots.filter(({ index }) => index <= point.index)
    : snapshots;
}

async function stateOf(
  from: BackupPlace,
  part: BackupPart,
  temporary: TemporaryPlace,
): Promise<ReplicatedState> {
  const { fs, keys } = temporary;
  const path = join(temporary.dir, SNAPSHOT_NAME);
  const sealing = keys === null ? null : { keys, purpose: SNAPSHOT_PURPOSE };
  const file = await createFile(fs, path, sealing);
  try {
    await appendTo(file)(readPartFile(join(from.dir, part.file), part.file, from.keys));
    await file.finish();
  } finally {
    await file.close();
  }
  const [snapshot] = await scanSnapshots(temporary);
  if (snapshot === undefined) throw new BackupError('corrupt', `${part.file} is no sound snapshot`);
  const state = await restoreState(snapshot.chunks);
  await rm(path);
  if (state.appliedIndex === part.index) return state;
  throw new BackupError('corrupt', `${part.file} stands at entry ${state.appliedIndex}`);
}

async function replay(
  from: BackupPlace,
  start: BackupPart,
  state: ReplicatedState,
  point: RestorePoint,
): Promise<Position> {
  const { dir, manifest } = from;
  const archive = archiveBehind(manifest, start, state);
  let term = start.term;
  const behind = manifest.parts.slice(manifest.parts.indexOf(start) + 1);
  for (const part of behind) {
    if (isReached(state, point)) return { state, term, archive };
    if (part.kind === 'archive') continue;
    if (part.kind === 'snapshot') {
      requireNoGap(part, state);
      continue;
    }
    await requireDigest(dir, part);
    for await (const entry of entriesOf(from, part)) {
      if (isBehind(entry, state, point)) return { state, term, archive };
      applyEntry(state, entry);
      term = entry.term;
    }
  }
  return { state, term, archive };
}

function isReached(state: ReplicatedState, point: RestorePoint): boolean {
  return point?.kind === 'index' && state.appliedIndex === point.index;
}

/** A later snapshot stands for entries that the log had given up before they were backed up. */
function requireNoGap(part: BackupPart, state: ReplicatedState): void {
  if (part.index === state.appliedIndex) return;
  const gap = `entries ${state.appliedIndex + 1} to ${part.index - 1}`;
  throw new BackupError('out_of_reach', `the backup lacks ${gap}, where that point may lie`);
}

function isBehind(entry: Entry, state: ReplicatedState, point: RestorePoint): boolean {
  if (point === null) return false;
  if (point.kind === 'index') return entry.index > point.index;
  return timeOf(entry, state) > point.timeMs;
}

/** The log time that the state will have once an entry is applied. */
function timeOf({ type, data }: Entry, state: ReplicatedState): number {
  if (type !== EntryType.Normal || data.length === 0) return state.logTimeMs;
  const entry = decodeEntry(data);
  return 'timestampMs' in entry ? Math.max(entry.timestampMs, state.logTimeMs) : state.logTimeMs;
}

/** Applies an entry of the log to a state that nobody replicates. */
export function applyEntry(state: ReplicatedState, { type, index, term, data }: Entry): void {
  if (type === EntryType.Normal) {
    state.apply(index, term, data);
    return;
  }
  const context = type === EntryType.ConfChangeV2 ? decodeConfChangeV2(data).context : NO_BYTES;
  if (context.length === 0) state.apply(index, term, NO_BYTES);
  else state.applyMember(index, term, context);
}

async function* entriesOf({ dir, manifest, keys }: BackupPlace, part: BackupPart) {
  const plain = readPartFile(join(dir, part.file), part.file, keys);
  const reader = new PullReader(plain, part.file);
  const decoder = new EntriesDecoder(reader, part.file);
  const header = await decoder.header();
  const fits =
    header.clusterId === manifest.clusterId && header.previousIndex === part.previousIndex;
  if (!fits) throw new BackupError('corrupt', `${part.file} is not the part of that name`);
  yield* decoder.entries();
  await reader.requireEnd();
}

/** A log that begins with the restored state as its first snapshot. */
async function writeDirectory(
  dir: string,
  { state, term, archive }: Position,
  cluster: NewCluster,
  world: RestoreWorld,
  keys: FileKeys | null,
): Promise<Restored> {
  const { clusterId, diskUuid, name, address } = cluster;
  const member: MemberRecord = { id: MEMBER_ID, name, address, diskUuid, intent: 'voter' };
  const epoch = state.epoch + 1;
  const keepsArchives = archive !== null;
  const lacksHistory = !keepsArchives && state.history.firstResident > state.history.floor;
  const founded = state.refounded({ clusterId, epoch, members: [member], keepsArchives });
  const directory = await openDataDirectory({ dir, ...world });
  try {
    await directory.writeIdentity({ diskUuid, name, clusterId, memberId: MEMBER_ID });
    const encrypts = keys !== null && isSecret(state);
    const log = await directory.openLog({ keys, encrypts });
    const confState = {
      voters: [MEMBER_ID],
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    };
    const metadata = { index: founded.appliedIndex, term, confState };
    await log.bootstrap(metadata, founded.snapshot());
  } finally {
    await directory.close();
  }
  const { appliedIndex: index, logTimeMs } = founded;
  const fieldKeyId = state.schema.fieldKey?.masterKey ?? null;
  return { clusterId, epoch, index, logTimeMs, lacksHistory, fieldKeyId };
}
