import { readFile } from 'node:fs/promises';
import { formatProblem, type LithairModel, readModelFile } from '@lithair/crds';
import { CliError, fileReason } from './cli-error.ts';

/** A model file as it was found: valid with warnings, or the lines that say what is wrong. */
export type ModelRead =
  | { readonly ok: true; readonly model: LithairModel; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly lines: readonly string[] };

/** @throws CliError where the file cannot be read at all */
export async function readModel(file: string): Promise<ModelRead> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError(`cannot read ${file}: ${fileReason(error)}`);
  });
  const read = readModelFile(text, file);
  if (!read.ok) return { ok: false, lines: read.problems.map(formatProblem) };
  return { ok: true, model: read.value, warnings: read.warnings.map(formatProblem) };
}
