// Expressions of models: that they fit the fields they speak of. Asked where the fields are sound.
import type { AuthoredModel } from './authored.ts';
import { checkComputed } from './computed.ts';
import { compileExpression, ExpressionRefusal, type Variable } from './expression/index.ts';
import { type Path, type Problem, problem } from './problems.ts';

/** `path` is that of the model. */
export function checkExpressions(model: AuthoredModel, path: Path): Problem[] {
  const { rules = [], permissions = {}, indexes = [] } = model;
  const place = [...path, 'permissions'];
  return [
    ...checkComputed(model, path),
    ...indexes.flatMap(({ where }, at) =>
      checkExpression(model, where, ['self'], [...path, 'indexes', at, 'where']),
    ),
    ...rules.flatMap(({ expr }, at) =>
      checkExpression(model, expr, ['self', 'old'], [...path, 'rules', at, 'expr']),
    ),
    ...model.fields.flatMap(({ states }, at) =>
      (states?.transitions ?? []).flatMap(({ when }, nth) => {
        const where = [...path, 'fields', at, 'states', 'transitions', nth, 'when'];
        return checkExpression(model, when, ['self', 'old', 'actor'], where);
      }),
    ),
    ...checkExpression(model, permissions.publicIf, ['self', 'actor'], [...place, 'publicIf']),
    ...(permissions.rows ?? []).flatMap(({ using, check }, at) => [
      ...checkExpression(model, using, ['self', 'actor'], [...place, 'rows', at, 'using']),
      ...checkExpression(model, check, ['self', 'old', 'actor'], [...place, 'rows', at, 'check']),
    ]),
  ];
}

function checkExpression(
  model: AuthoredModel,
  text: string | undefined,
  variables: readonly Variable[],
  path: Path,
): Problem[] {
  if (text === undefined) return [];
  try {
    compileExpression(model, text, variables);
    return [];
  } catch (error) {
    if (!(error instanceof ExpressionRefusal)) throw error;
    return [problem(path, 'invalid_expression', error.message)];
  }
}
