import { type Cluster, type Member, statusOf } from './cluster/index.ts';
import { eventually } from './wait.ts';
import { type Client, KEYS } from './workload/client.ts';
import type { FinalRecord, Recorder, Row } from './workload/history.ts';
import { rowOf } from './workload/wire.ts';

const SETTLES_MS = 60_000;

/** Starts what does not run; a member that was removed comes back as a new one. */
export async function revive(cluster: Cluster): Promise<void> {
  for (const member of cluster.members) {
    if (member.running || member.impaired) continue;
    if (member.removalAsked) await member.wipe();
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
  return { kind: 'final', node: member.name, items, tickets: await readTickets(member) };
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
  const stamps: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const url = `${member.url}/api/tickets?consistency=eventual&limit=1000${after}`;
    const page: unknown = await (await get(url)).json();
    if (!isPage(page)) throw new Error(`${member.name} gave no page of tickets`);
    stamps.push(...page.data.map(({ stamp }) => stamp));
    cursor = page.page.next;
  }
  return stamps.sort();
}

function get(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(5000) });
}

interface Page {
  readonly data: readonly { readonly stamp: string }[];
  readonly page: { readonly next: string | null };
}

function isPage(value: unknown): value is Page {
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
