import { EncryptedRows, encryptedFields, type FieldCipher } from '../encryption/index.ts';
import { type Change, isPut } from '../entry/index.ts';
import type { IndexKey } from '../ports/index.ts';
import { type ModelPlan, parseRow, upgradeValue } from '../state/index.ts';
import type { LiveRow, Overlay } from './overlay.ts';
import type { PlannedRows } from './planning.ts';
import type { RandomBytes } from './types.ts';

/**
 * The rows of a schema with encrypted fields, as commands are planned on them: in plain. What is
 * decided is sealed before it is proposed, so that neither the log nor the state ever holds a value.
 */
export class SealedRows implements PlannedRows {
  readonly #overlay: Overlay;
  readonly #cipherOf: () => FieldCipher;
  readonly #byModel = new WeakMap<ModelPlan, { readonly rows: EncryptedRows | null }>();

  /** @param cipherOf asked where a row has encrypted fields; what it throws ends the command */
  constructor(overlay: Overlay, cipherOf: () => FieldCipher) {
    this.#overlay = overlay;
    this.#cipherOf = cipherOf;
  }

  /** With its values in plain. @throws EncryptionError where one is not what was encrypted for it */
  find(model: string, id: string): LiveRow | undefined {
    const found = this.#overlay.find(model, id);
    const rows = found === undefined ? null : this.#rowsOf(model);
    if (found === undefined || rows === null) return found;
    const json = JSON.stringify(rows.opened(parseRow(found.json), id));
    return { version: found.version, json };
  }

  /** What was decided on plain rows, as it may be proposed. */
  sealed(changes: readonly Change[], random: RandomBytes): readonly Change[] {
    return changes.map((change) => this.#sealedChange(change, random));
  }

  #sealedChange(change: Change, random: RandomBytes): Change {
    const rows = isPut(change) ? this.#rowsOf(change.model) : null;
    if (!isPut(change) || rows === null) return change;
    const { model, id } = change;
    const found = this.#overlay.find(model, id);
    const before = found === undefined ? null : parseRow(found.json);
    const json = JSON.stringify(rows.sealed(parseRow(change.json), id, before, random));
    return { ...change, json };
  }

  #rowsOf(model: string): EncryptedRows | null {
    const plan = this.#overlay.plan(model);
    if (plan === undefined) return null;
    const known = this.#byModel.get(plan);
    if (known !== undefined) return known.rows;
    const isNone = encryptedFields(plan.schema).length === 0;
    const rows = isNone ? null : new EncryptedRows(this.#cipherOf(), plan.schema, upgradeValue);
    this.#byModel.set(plan, { rows });
    return rows;
  }

  plan(model: string): ModelPlan | undefined {
    return this.#overlay.plan(model);
  }

  versionOf(model: string, id: string): number {
    return this.#overlay.versionOf(model, id);
  }

  deletedVersion(model: string, id: string): number {
    return this.#overlay.deletedVersion(model, id);
  }

  holder(model: string, position: number, key: IndexKey): string | undefined {
    return this.#overlay.holder(model, position, key);
  }

  holders(model: string, position: number, key: IndexKey): Iterable<string> {
    return this.#overlay.holders(model, position, key);
  }
}
