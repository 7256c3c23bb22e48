import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { specShape } from './language.ts';
import type { Shape } from './shape.ts';

const text = readFileSync(new URL('../../docs/model.md', import.meta.url), 'utf8');

/** Every word of the language, known or refused, with the place where it stands. */
function* words(shape: Shape, place: string, seen = new Set<Shape>()): Generator<[string, string]> {
  if (seen.has(shape)) return;
  seen.add(shape);
  if (shape.kind === 'list') yield* words(shape.of(), place, seen);
  if (shape.kind === 'text') {
    for (const choice of [...(shape.choices ?? []), ...(shape.laterChoices ?? [])]) {
      if (place !== 'spec.store.syncMode') yield [choice, place];
    }
  }
  if (shape.kind !== 'record') return;
  for (const name of shape.later) yield [name, place];
  for (const [name, inner] of Object.entries(shape.attributes)) {
    yield [name, place];
    yield* words(inner, `${place}.${name}`, seen);
  }
}

test('docs/model.md names every attribute and every value of the language', () => {
  for (const [word, place] of words(specShape, 'spec')) {
    assert.match(text, new RegExp(`\\b${word}\\b`), `${word} at ${place}`);
  }
});
