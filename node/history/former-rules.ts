import type { HistoryRules } from './rules.ts';

/** Rules as they are remembered when others take their place. */
export interface KeptRules {
  readonly audited: boolean;
  readonly retentionMs: number;
  readonly fields: readonly {
    readonly name: string;
    readonly depth: number;
    readonly expires: boolean;
  }[];
}

/**
 * Rules that kept less than those that came after them. What they did not keep when they ended is
 * gone on every member, whether or not it had removed the bytes by then.
 */
export interface FormerRules {
  readonly model: string;
  /** Null: no history was kept. */
  readonly rules: KeptRules | null;
  /** Log index of the model change that ended them: they judge versions up to it. */
  readonly untilIndex: number;
  /** Log time of that change. */
  readonly untilMs: number;
}

/** What is to be remembered of rules. */
export function keptRules(rules: HistoryRules | undefined): KeptRules | null {
  if (rules === undefined) return null;
  const { audited, retentionMs } = rules;
  const fields = rules.fields.map(({ name, depth, expires }) => ({ name, depth, expires }));
  return { audited, retentionMs, fields };
}

/** Whether nothing that `old` did not keep is kept by `next`: then `old` need not be remembered. */
export function isAtLeastAsStrict(next: KeptRules | null, old: KeptRules | null): boolean {
  if (next === null) return true;
  if (old === null || (next.audited && !old.audited)) return false;
  if (next.retentionMs > old.retentionMs) return false;
  return next.fields.every((field) => {
    const before = old.fields.find(({ name }) => name === field.name);
    if (before === undefined) return true;
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
    const fields = value.fields.map((field) => ({ ...field, depth: field.depth ?? Infinity }));
    return { ...value, retentionMs: value.retentionMs ?? Infinity, fields };
  }
  throw new SyntaxError('these are no rules of history');
}

interface RulesText {
  audited: boolean;
  retentionMs: number | null;
  fields: { name: string; depth: number | null; expires: boolean }[];
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
