import type { FieldSchema, JsonValue, ModelSchema } from '@lithair/crds';
import type { FieldCipher } from './field-cipher.ts';

interface Row {
  [field: string]: JsonValue;
}

type Draw = Parameters<FieldCipher['seal']>[2];

/** The fields of a model whose values rows hold as ciphertext. */
export function encryptedFields({ fields }: Pick<ModelSchema, 'fields'>): readonly string[] {
  return fields.filter(isEncrypted).map(({ name }) => name);
}

/** Whether any field of these models is encrypted. */
export function hasEncryptedFields(models: readonly Pick<ModelSchema, 'fields'>[]): boolean {
  return models.some(({ fields }) => fields.some(isEncrypted));
}

function isEncrypted({ encrypted }: Pick<FieldSchema, 'encrypted'>): boolean {
  return encrypted === true;
}

/** Opens and seals the rows of one model that has encrypted fields. */
export class EncryptedRows {
  readonly #cipher: FieldCipher;
  readonly #model: string;
  readonly #names: readonly string[];

  constructor(cipher: FieldCipher, model: ModelSchema) {
    this.#cipher = cipher;
    // A row that is deleted and brought back keeps its ciphertexts.
    this.#model = model.deletedOf ?? model.name;
    this.#names = encryptedFields(model);
  }

  /** The values of a row in plain, of those that are there. @throws EncryptionError as a field does */
  opened(row: Readonly<Row>, id: string): Row {
    const plain = { ...row };
    for (const name of this.#names) {
      const stored = row[name] ?? null;
      if (stored !== null) plain[name] = this.#cipher.open(this.#place(name, id), stored);
    }
    return plain;
  }

  /**
   * A row as it is stored. Values that are as they were keep their ciphertext, so that a row that did
   * not change is the same row.
   *
   * @param before as it is stored; null where it is new
   */
  sealed(row: Readonly<Row>, id: string, before: Readonly<Row> | null, draw: Draw): Row {
    const stored = { ...row };
    for (const name of this.#names) {
      const value = row[name] ?? null;
      if (value === null) continue;
      stored[name] =
        this.#unchanged(name, id, value, before?.[name] ?? null) ??
        this.#cipher.seal(this.#place(name, id), value, draw);
    }
    return stored;
  }

  #unchanged(name: string, id: string, value: JsonValue, before: JsonValue): JsonValue {
    if (before === null) return null;
    const was = this.#cipher.open(this.#place(name, id), before);
    return JSON.stringify(was) === JSON.stringify(value) ? before : null;
  }

  #place(field: string, id: string) {
    return { model: this.#model, field, id };
  }
}
