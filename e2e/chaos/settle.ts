import { type Cluster, type Member, statusOf } from './cluster/index.ts';
import { becomeWhole } from './faults/index.ts';
import { eventually } from './wait.ts';
import { type Client, KEYS } from './workload/client.ts';
import type { FinalRecord, Memo, MemoVersion, Recorder, Row } from './workload/history.ts';
import { MEMOS } from './workload/memo-client.ts';
import { rowOf } from './workload/wire.ts';

const SETTLES_MS = 60_000;

/** Starts what does not run; a member that was removed comes back as a new one, unless it has to go. */
export async function revive(cluster: Cluster): Promise<void> {
  for (const member of cluster.members) {
    if (member.running || member.impaired || member.mustLeave) continue;
    if (member.removalAsked) await cluster.wipe(member);
    member.start();
  }
}

/**
 * Brings everything back and waits until all members hold the same; then reads each of them, both
 * ways. What cannot be brought back is a problem of the history.
 */
export async function settle(cluster: Cluster, recorder: Recorder, reader: Client): Promise<void> {
  cluster.mesh.healAll();
  try {
    await recovered(cluster);
    for (const member of cluster.members) {
      for (const key of KEYS) {
        const what = `${member.name} to answer a strong read`;
        await eventually(what, SETTLES_MS, () => reader.readAt(member, key));
      }
    }
    for (const final of await finals(cluster)) recorder.add(final);
  } catch (error) {
    recorder.problem(`the cluster did not come back: ${String(error)}\n${await views(cluster)}`);
  }
}

async function recovered(cluster: Cluster): Promise<void> {
  // A removal that was not answered may still be carried out: then the member ends, once.
  for (let round = 1; ; round += 1) {
    await revive(cluster);
    try {
      await becomeWhole(cluster, SETTLES_MS);
      return await cluster.recovered();
    } catch (error) {
      if (round === 2) throw error;
    }
  }
}

/** What all members hold at one and the same applied index. */
function finals(cluster: Cluster): Promise<FinalRecord[]> {
  return eventually('all members to hold still', SETTLES_MS, async () => {
    const before = await appliedBy(cluster);
    const held = await Promise.all(cluster.members.map(readAll));
    const after = await appliedBy(cluster);
    const indexes = new Set([...before, ...after]);
    return indexes.size === 1 && !indexes.has(null) ? held : null;
  });
}

function appliedBy(cluster: Cluster): Promise<(number | null)[]> {
  const { members } = cluster;
  return Promise.all(members.map(async (member) => (await statusOf(member))?.applied ?? null));
}

async function readAll(member: Member): Promise<FinalRecord> {
  const items: Record<string, { version: number; row: Row } | null> = {};
  for (const key of KEYS) items[key] = await readItem(member, key);
  const memos: Record<string, Memo> = {};
  for (const key of MEMOS) memos[key] = await readMemo(member, key);
  return { kind: 'final', node: member.name, items, tickets: await readTickets(member), memos };
}

async function readMemo(member: Member, key: string): Promise<Memo> {
  const response = await get(`${member.url}/api/memos/${key}?consistency=eventual`);
  const stamp = rowOf(await response.json())?.stamp ?? null;
  if (!response.ok && response.status !== 404) throw new Error(`${member.name}: no memo ${key}`);
  const lines = await pagesOf<HistoryLine>(member, `/api/memos/${key}/history`, 'limit=1000');
  const versions = lines.map(({ version, overridden, data }): MemoVersion => {
    return { version, overridden: overridden === true, stamp: data?.stamp ?? null };
  });
  return { stamp, versions: versions.sort((a, b) => a.version - b.version) };
}

interface HistoryLine {
  readonly version: number;
  readonly overridden?: boolean;
  readonly data: { readonly stamp: string } | null;
}

async function readItem(
  member: Member,
  key: string,
): Promise<{ version: number; row: Row } | null> {
  const response = await get(`${member.url}/api/items/${key}?consistency=eventual`);
  const row = rowOf(await response.json());
  const version = response.headers.get('lithair-version');
  if (response.status === 404) return null;
  if (row === null || version === null) throw new Error(`${member.name} answered oddly for ${key}`);
  return { version: Number(version), row };
}

async function readTickets(member: Member): Promise<string[]> {
  const query = 'consistency=eventual&limit=1000';
  const rows = await pagesOf<{ readonly stamp: string }>(member, '/api/tickets', query);
  return rows.map(({ stamp }) => stamp).sort();
}

/** All pages of a list, one after the other. */
async function pagesOf<Line>(member: Member, path: string, query: string): Promise<Line[]> {
  const lines: Line[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const response = await get(`${member.url}${path}?${query}${after}`);
    const page: unknown = await response.json();
    // There is no history of what was never written.
    if (response.status === 404) return lines;
    if (!isPage<Line>(page)) throw new Error(`${member.name} gave no page of ${path}`);
    lines.push(...page.data);
    cursor = page.page.next;
  }
  return lines;
}

function get(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(5000) });
}

interface Page<Line> {
  readonly data: readonly Line[];
  readonly page: { readonly next: string | null };
}

function isPage<Line>(value: unknown): value is Page<Line> {
  return typeof value === 'object' && value !== null && 'data' in value && 'page' in value;
}

/** Each member's own view, and the last that it said. */
async function views(cluster: Cluster): Promise<string> {
  const texts = cluster.members.map(async (member) => {
    const said = member.output.trimEnd().split('\n').slice(-5).join('\n    ');
    const state = member.running ? JSON.stringify(await statusOf(member)) : 'does not run';
    return `  ${member.name}: ${state}\n    ${said}`;
  });
  return (await Promise.all(texts)).join('\n');
}
