import type { Collation } from '@lithair/crds';

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;
const ACCENTS = /\p{Mn}/gu;

/**
 * A text as it compares: texts that are the same but for case (and accents) have one such form. By
 * way of capital letters, so that letters with several small forms have one. Which letters there are
 * is a matter of the Unicode version of the program; a text of letters that it does not know is its
 * own form.
 */
export function collated(text: string, collation: Collation | undefined): string {
  if (collation === undefined) return text;
  if (ASCII.test(text)) return text.toLowerCase();
  const folded = text.normalize('NFD').toUpperCase().toLowerCase();
  const bare = collation === 'ci-ai' ? folded.normalize('NFD').replaceAll(ACCENTS, '') : folded;
  return bare.normalize('NFC');
}

/**
 * A part of a text as it compares with parts of others. The small sigma has a form of its own at the end
 * of a word, and a part may end where the word does not.
 */
export function collatedPart(text: string, collation: Collation | undefined): string {
  const whole = collated(text, collation);
  return collation === undefined ? whole : whole.replaceAll('ς', 'σ');
}
