import type { JsonValue, ModelSchema } from '@lithair/crds';

type Json = { [key: string]: JsonValue };

/** What the path of a restoration is described with, beside that of the row. */
export interface RestorePath {
  readonly model: ModelSchema;
  readonly id: Json;
  readonly parameters: readonly Json[];
  /** A row of the model that it goes back to, as it is answered. */
  readonly restored: Json;
  readonly headers: Json;
  readonly responses: (good: Json, statuses: readonly number[]) => Json;
}

/** POST below a deleted row. */
export function restorePath(described: RestorePath): Json {
  const { model, id, parameters, restored, headers, responses } = described;
  const target = model.deletedOf ?? '';
  const done = {
    description: 'Restored',
    headers,
    content: { 'application/json': { schema: restored } },
  };
  return {
    [`${model.path}/{id}/restore`]: {
      parameters: [id],
      post: {
        operationId: `restore${target}`,
        summary: `Restore a deleted ${target}`,
        tags: [model.name],
        parameters: [...parameters],
        responses: responses({ 200: done }, [400, 404, 406, 409, 412, 422, 503, 504, 507]),
      },
    },
  };
}
