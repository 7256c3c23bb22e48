import { ARCHIVE_DIRECTORY, surveyArchives, threadedZstd } from '../../archive/index.ts';
import { ChainCheck } from '../../history/index.ts';
import type { ScanOptions } from '../../log/index.ts';
import type { VersionRecord } from '../../ports/index.ts';
import type { ReplicatedState } from '../../state/index.ts';
import { replayed } from './events.ts';

/** What was checked of the past, and what is wrong with it. */
export interface HistoryReport {
  readonly lines: readonly string[];
  /** The first break of a chain; null where there is none. */
  readonly broken: string | null;
}

/**
 * Reads archives and replays the log: that every checksum holds, and that hash chains are whole.
 *
 * @throws ArchiveError, CliError, LogError
 */
export async function verifyHistory(options: ScanOptions): Promise<HistoryReport> {
  // A node makes it when it starts: without it there is nothing that history could be missing from.
  const isKept = (await options.fs.stat(`${options.dir}/${ARCHIVE_DIRECTORY}`)) !== null;
  if (!isKept) return { lines: [], broken: null };
  const chains = new Map<string, ChainCheck>();
  const onVersion = (model: string, version: VersionRecord): void => {
    if (version.evidence === null) return;
    const chain = chains.get(model) ?? new ChainCheck(model);
    chain.add(version);
    chains.set(model, chain);
  };
  const { files, versions, bytes } = await surveyArchives(options, threadedZstd, onVersion);
  const state = await replayed(options);
  const archives = files === 0 ? [] : [`${files} archives, ${versions} versions, ${bytes} bytes`];
  if (state === null) return { lines: archives, broken: null };
  for (const generation of state.history.capture()) {
    for (const { model, record } of generation.versions) onVersion(model, record);
  }
  const ends = state.history.chainEnds().map(({ model, position, link }) => {
    const length = chains.get(model)?.length ?? 0;
    return `chain of ${model}: ${length} of ${position} events, ends with ${link}`;
  });
  const cold = state.history.coldModels().map((model) => {
    return `${state.history.coldOf(model).length} cold objects of ${model} are not read`;
  });
  return { lines: [...archives, ...ends, ...cold], broken: firstBreak(state, chains) };
}

function firstBreak(
  { history, logTimeMs }: ReplicatedState,
  chains: ReadonlyMap<string, ChainCheck>,
): string | null {
  for (const end of history.chainEnds()) {
    const retentionMs = history.rulesOf(end.model)?.retentionMs ?? 0;
    // What is in the cold store is not read here.
    const coldToMs = history.coldOf(end.model).at(-1)?.upToMs ?? -Infinity;
    const expiredToMs = Math.max(logTimeMs - retentionMs, coldToMs);
    const bounds = { expiredToMs, mayBeginLater: history.floor > 1 };
    const chain = chains.get(end.model) ?? new ChainCheck(end.model);
    const broken = chain.breakUpTo(end, bounds);
    if (broken !== null) return broken;
  }
  return null;
}
