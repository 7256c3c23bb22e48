import type { KeptRules } from '../ports/index.ts';
import type { HistoryRules } from './rules.ts';

/** What is to be remembered of rules. */
export function keptRules(rules: HistoryRules | undefined): KeptRules | null {
  if (rules === undefined) return null;
  const { auditsAll, retentionMs } = rules;
  const fields = rules.fields.map(({ name, depth, expires, audited }) => {
    return { name, depth, expires, audited };
  });
  return { audited: auditsAll, retentionMs, fields };
}

/** Whether nothing that `old` did not keep is kept by `next`: then `old` need not be remembered. */
export function isAtLeastAsStrict(next: KeptRules | null, old: KeptRules | null): boolean {
  if (next === null) return true;
  if (old === null || (next.audited && !old.audited)) return false;
  if (next.retentionMs > old.retentionMs) return false;
  return next.fields.every((field) => {
    const before = old.fields.find(({ name }) => name === field.name);
    if (before === undefined) return true;
    if (field.audited && !before.audited) return false;
    return field.depth <= before.depth && (field.expires || !before.expires);
  });
}

/** As text: an age or a depth without bound is null, which JSON has. */
export function formerText(rules: KeptRules | null): string {
  return JSON.stringify(rules);
}

/** Reads what {@link formerText} wrote. @throws SyntaxError */
export function readFormer(text: string): KeptRules | null {
  const value: unknown = JSON.parse(text);
  if (value === null) return null;
  if (isRules(value)) {
    const fields = value.fields.map(({ audited = value.audited, ...field }) => {
      return { ...field, audited, depth: field.depth ?? Infinity };
    });
    return { ...value, retentionMs: value.retentionMs ?? Infinity, fields };
  }
  throw new SyntaxError('these are no rules of history');
}

interface RulesText {
  audited: boolean;
  retentionMs: number | null;
  fields: { name: string; depth: number | null; expires: boolean; audited?: boolean }[];
}

function isRules(value: unknown): value is RulesText {
  return (
    typeof value === 'object' &&
    value !== null &&
    'audited' in value &&
    'retentionMs' in value &&
    'fields' in value &&
    Array.isArray(value.fields)
  );
}
