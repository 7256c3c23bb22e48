import type { FieldSchema, JsonValue, ModelSchema } from '@lithair/crds';
import type { FieldCipher } from './field-cipher.ts';

interface Row {
  [field: string]: JsonValue;
}

type Draw = Parameters<FieldCipher['seal']>[2];

/** A value that was stored under an earlier schema, as the present one has it. */
type Reshape = (field: FieldSchema, value: JsonValue) => JsonValue;

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
  readonly #fields: readonly FieldSchema[];
  readonly #reshape: Reshape;

  /** @param reshape a model change opened no value to do it */
  constructor(cipher: FieldCipher, model: ModelSchema, reshape: Reshape) {
    this.#cipher = cipher;
    this.#reshape = reshape;
    // A deleted row has the ciphertexts that it had under its own name; brought back, it gets new ones.
    this.#model = model.deletedOf ?? model.name;
    this.#fields = model.fields.filter(isEncrypted);
  }

  /**
   * The values of a row in plain, of those that are there, in their present shape.
   *
   * @throws EncryptionError as a field does
   */
  opened(row: Readonly<Row>, id: string): Row {
    const plain = { ...row };
    for (const field of this.#fields) {
      const stored = row[field.name] ?? null;
      if (stored !== null) plain[field.name] = this.#open(field, id, stored);
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
    for (const field of this.#fields) {
      const { name } = field;
      const value = row[name] ?? null;
      if (value === null) continue;
      stored[name] =
        this.#unchanged(field, id, value, before?.[name] ?? null) ??
        this.#cipher.seal(this.#place(name, id), value, draw);
    }
    return stored;
  }

  #unchanged(field: FieldSchema, id: string, value: JsonValue, before: JsonValue): JsonValue {
    if (before === null) return null;
    const was = this.#open(field, id, before);
    return JSON.stringify(was) === JSON.stringify(value) ? before : null;
  }

  #open(field: FieldSchema, id: string, stored: JsonValue): JsonValue {
    return this.#reshape(field, this.#cipher.open(this.#place(field.name, id), stored));
  }

  #place(field: string, id: string) {
    return { model: this.#model, field, id };
  }
}
