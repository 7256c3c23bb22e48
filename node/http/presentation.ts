import { hash } from 'node:crypto';
import type { ModelSchema } from '@lithair/crds';
import { EncryptedRows, type FieldCipher, hasEncryptedFields } from '../encryption/index.ts';
import type { JsonObject } from '../ports/index.ts';
import { type Page, parseRecord } from '../query/index.ts';
import { upgradeValue } from '../state/index.ts';
import { numbersOf, rawNumber } from '../values/index.ts';

/** What of the rows and requests of a model is not as it is stored. */
export interface Presentation {
  /** Values of a row as answers write them: in plain, where they are stored as ciphertext. */
  readonly present: (values: JsonObject, id: string) => object;
  /** Whether answers write rows as they are stored. */
  readonly isAsStored: boolean;
  /** The JSON of a row as answers write it, of those of its fields that are there; `stored`: all of it. */
  readonly presentJson: (json: string, stored: string) => string;
  /** @throws EngineError `unavailable` where values cannot be opened now */
  readonly requireOpen: () => void;
  /** Tells bodies of requests apart; of encrypted ones it says nothing to whoever has no keys. */
  readonly digest: (body: Uint8Array) => string;
}

/**
 * Most models have nothing to write otherwise: their rows are answered as they are stored.
 *
 * @param cipherOf asked when the first value is opened; throws EngineError `unavailable`
 */
export function presentationOf(model: ModelSchema, cipherOf: () => FieldCipher): Presentation {
  const numbers = numbersOf(model.fields, rawNumber);
  if (!hasEncryptedFields([model])) return plain(numbers);
  let opening: EncryptedRows | null = null;
  const rowsOf = (): EncryptedRows => {
    opening ??= new EncryptedRows(cipherOf(), model, upgradeValue);
    return opening;
  };
  const present: Presentation['present'] = (values, id) => {
    const opened = rowsOf().opened(values, id);
    return numbers === null ? opened : numbers(opened);
  };
  return {
    isAsStored: false,
    present,
    presentJson: (json, stored) => {
      const values = parseRecord({ json });
      const { [model.primaryKey]: id } = json === stored ? values : parseRecord({ json: stored });
      if (typeof id !== 'string') throw new Error(`a row of ${model.name} has no key`);
      return JSON.stringify(present(values, id));
    },
    requireOpen: () => void rowsOf(),
    digest: (body) => cipherOf().digest(body),
  };
}

function plain(numbers: ((row: JsonObject) => object) | null): Presentation {
  return {
    isAsStored: numbers === null,
    present: numbers ?? ((values) => values),
    presentJson:
      numbers === null ? (json) => json : (json) => JSON.stringify(numbers(parseRecord({ json }))),
    requireOpen: () => {},
    digest: (body) => hash('sha256', body, 'hex'),
  };
}

/** The rows of a page as answers write them. */
export function shownRows(
  { rows, stored }: Page,
  { presentJson, isAsStored }: Pick<Presentation, 'presentJson' | 'isAsStored'>,
): readonly string[] {
  if (isAsStored) return rows;
  return rows.map((json, at) => presentJson(json, stored[at] ?? json));
}
