import type { IdempotencyKey } from '../ports/index.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { EntryError } from './errors.ts';
import { TextMemo } from './text-memo.ts';
import type { EntryActor } from './types.ts';

/** Position is part of the format: append only. */
export const METHODS = ['none', 'apiKey', 'jwt', 'certificate'] as const;
const LEAST_TEXT_BYTES = 1;

export function writeActor(writer: ByteWriter, actor: EntryActor): void {
  writer.text(actor.subject);
  writer.byte(METHODS.indexOf(actor.method));
}

/** Owned by {@link readActor}. */
const subjects = new TextMemo();

export function readActor(reader: ByteReader): EntryActor {
  return {
    subject: reader.frequentText(subjects),
    method: pick(METHODS, reader.byte(), 'authentication method'),
  };
}

export function writeIdempotency(writer: ByteWriter, idempotency: IdempotencyKey | null): void {
  writer.byte(idempotency === null ? 0 : 1);
  if (idempotency === null) return;
  writer.text(idempotency.scope);
  writer.text(idempotency.fingerprint);
}

export function readIdempotency(reader: ByteReader): IdempotencyKey | null {
  const present = reader.byte();
  if (present === 0) return null;
  if (present !== 1) throw new EntryError('malformed_entry', `idempotency flag ${present}`);
  return { scope: reader.text(), fingerprint: reader.text() };
}

export function writeTexts(writer: ByteWriter, texts: readonly string[]): void {
  writer.varint(texts.length);
  for (const text of texts) writer.text(text);
}

export function readTexts(reader: ByteReader): string[] {
  const count = reader.count(LEAST_TEXT_BYTES);
  const texts: string[] = [];
  for (let i = 0; i < count; i++) texts.push(reader.text());
  return texts;
}

/** @throws EntryError `malformed_entry` where a list has nothing at a place */
export function pick<T>(list: readonly T[], at: number, what: string): T {
  const found = list[at];
  if (found === undefined) throw new EntryError('malformed_entry', `unknown ${what} ${at}`);
  return found;
}
