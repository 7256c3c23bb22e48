import { hash } from 'node:crypto';
import type { Evidence, VersionRecord } from '../ports/index.ts';

/** Where the chain of a model ends. */
export interface ChainEnd {
  readonly model: string;
  /** Versions in the chain. */
  readonly position: number;
  /** Of the last one; empty where there is none. */
  readonly link: string;
}

type Content = Omit<VersionRecord, 'evidence' | 'changed'>;

/** The link that a version is behind the end of its model's chain. */
export function linkBehind(end: ChainEnd, content: Content): Evidence {
  const position = end.position + 1;
  return { position, previous: end.link, link: linkOf(end.model, position, end.link, content) };
}

/** Lengths stand before the texts, so that no two versions have the same bytes. */
function linkOf(model: string, position: number, previous: string, content: Content): string {
  const { id, version, effect, events, sequence, index, timeMs, actor, json, before } = content;
  const head = [previous, position, model, id, version, effect, events, sequence, index, timeMs];
  const who = [actor?.subject ?? null, actor?.method ?? null];
  const lengths = [json?.length ?? -1, before?.length ?? -1];
  return hash('sha256', `${JSON.stringify([...head, ...who, ...lengths])}${json}${before}`, 'hex');
}

/** Why a version is not what was recorded; null where it is. */
export function brokenBy(model: string, record: VersionRecord): string | null {
  const { evidence } = record;
  if (evidence === null) return null;
  const { position, previous, link } = evidence;
  if (linkOf(model, position, previous, record) === link) return null;
  return `version ${record.version} of ${model} ${record.id} is not what was recorded`;
}
