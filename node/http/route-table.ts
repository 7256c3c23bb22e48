import type { ModelSchema, Schema } from '@lithair/crds';
import { type HistoryRules, historyRules } from '../history/index.ts';
import type { StateReader } from '../ports/index.ts';
import { compileQueries, type QueryCompiler } from '../query/index.ts';
import { compileValidator, type ModelValidator } from '../validation/index.ts';
import type { ApiLimits } from './api.ts';
import { openApiDocument } from './openapi/document.ts';

/** What the pipeline knows of one model, compiled once per schema. */
export interface ModelRoute {
  readonly model: ModelSchema;
  readonly validator: ModelValidator;
  readonly queries: QueryCompiler;
  /** Null where the model keeps no history. */
  readonly history: HistoryRules | null;
}

/** All models of one schema version, by the path of their collection. */
export interface RouteTable {
  readonly schemaVersion: number;
  readonly fingerprint: string;
  readonly byPath: ReadonlyMap<string, ModelRoute>;
  /** The OpenAPI document, made when somebody asks for the first time. */
  openapi(): string;
}

/** Keeps the table of the schema in force, and makes a new one only when that changes. */
export class RouteTables {
  readonly #limits: ApiLimits;
  readonly #version: string;
  #table: RouteTable | null = null;

  /** `version`: of the software, for the OpenAPI document. */
  constructor(limits: ApiLimits, version: string) {
    this.#limits = limits;
    this.#version = version;
  }

  of(state: StateReader): RouteTable {
    const table = this.#table;
    const isCurrent =
      table !== null &&
      table.schemaVersion === state.schemaVersion &&
      table.fingerprint === state.schemaFingerprint;
    if (isCurrent) return table;
    const { schema, schemaVersion, schemaFingerprint } = state;
    const made = this.#build(schema, schemaVersion, schemaFingerprint);
    this.#table = made;
    return made;
  }

  #build(schema: Schema, schemaVersion: number, fingerprint: string): RouteTable {
    const limits = { depth: this.#limits.depth, items: this.#limits.bulkItems };
    const routes = schema.models.map((model): [string, ModelRoute] => [
      model.path,
      {
        model,
        validator: compileValidator(schema, model, limits),
        queries: compileQueries(schema, model),
        history: historyRules(model),
      },
    ]);
    let document: string | null = null;
    return {
      schemaVersion,
      fingerprint,
      byPath: new Map(routes),
      openapi: () => {
        document ??= JSON.stringify(openApiDocument(schema, schemaVersion, this.#version));
        return document;
      },
    };
  }
}
