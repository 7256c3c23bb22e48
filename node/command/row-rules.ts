import { compileExpression, type Expression, type ModelSchema } from '@lithair/crds';
import { type Change, isPut } from '../entry/index.ts';
import { type Conflict, parseRow, type RowsView } from '../state/index.ts';
import type { LiveRow } from './overlay.ts';
import { conflict } from './refusal.ts';

interface RuledRows extends Pick<RowsView, 'plan'> {
  find(model: string, id: string): LiveRow | undefined;
}

/** A rule of a model, compiled. */
interface Rule {
  readonly expression: Expression;
  readonly message: string;
  /** Fields of the row that it speaks of, in the order of the schema. */
  readonly fields: readonly string[];
  /** What is said of it, and of which fields, to who may not know all of them. */
  readonly about: Conflict['about'];
}

const OTHERWISE = 'a rule of the model does not hold';

/** Compiled once for a model of a schema version. */
const compiled = new WeakMap<ModelSchema, readonly Rule[]>();

function rulesOf(model: ModelSchema): readonly Rule[] {
  const known = compiled.get(model);
  if (known !== undefined) return known;
  const made = (model.rules ?? []).map(({ expr, message }) => {
    const expression = compileExpression(model, expr, ['self', 'old']);
    const names = model.fields.map(({ name }) => name);
    const { self, old } = expression.reads;
    const about = { model: model.name, fields: [...self.union(old)], otherwise: OTHERWISE };
    return { expression, message, fields: names.filter((name) => self.has(name)), about };
  });
  compiled.set(model, made);
  return made;
}

/**
 * The rules of their model that changes would break. One that speaks of the row before is about
 * changes alone: it says nothing of a row that is created.
 */
export function brokenRules(rows: RuledRows, changes: readonly Change[]): Conflict[] {
  return changes.flatMap((change, at) => {
    const schema = rows.plan(change.model)?.schema;
    if (schema?.rules === undefined || !isPut(change)) return [];
    const self = parseRow(change.json);
    const before = rows.find(change.model, change.id);
    const old = before === undefined ? undefined : parseRow(before.json);
    return rulesOf(schema).flatMap((rule) => {
      const { expression, message, fields, about } = rule;
      if (old === undefined && expression.reads.old.size > 0) return [];
      if (expression.holds({ self, ...(old && { old }) })) return [];
      const places = fields.length === 0 ? [null] : fields;
      return places.map((field) => conflict('rule_broken', at, field, message, about));
    });
  });
}
