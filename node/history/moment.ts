import type { HistoryReader } from '../ports/index.ts';
import type { HistoryRules, Moment } from './rules.ts';

/** Versions that are looked at together. */
const PAGE_VERSIONS = 64;

/**
 * What decides what is kept of an aggregate now. Looks into its past only where the model's rules
 * were stricter once.
 *
 * @param newest the newest version, live or deleted
 * @param nowMs log time
 */
export function momentOf(
  reader: HistoryReader,
  rules: HistoryRules,
  id: string,
  newest: number,
  nowMs: number,
): Moment | Promise<Moment> {
  if (rules.former.length === 0) return { newest, nowMs };
  return withFormer(reader, rules, id, newest, nowMs);
}

async function withFormer(
  reader: HistoryReader,
  rules: HistoryRules,
  id: string,
  newest: number,
  nowMs: number,
): Promise<Moment> {
  const formerNewest: number[] = rules.former.map(() => 0);
  let below = Infinity;
  for (;;) {
    const page = await reader.versions(rules.model.name, id, below, PAGE_VERSIONS);
    for (const [at, { untilIndex }] of rules.former.entries()) {
      const found = page.find(({ index }) => index <= untilIndex);
      if (formerNewest[at] === 0) formerNewest[at] = found?.version ?? 0;
    }
    const last = page.at(-1);
    if (last === undefined || !formerNewest.includes(0)) return { newest, nowMs, formerNewest };
    below = last.version;
  }
}
