import type { Directive, Script } from './script.ts';

/** The first of several scripts that still differs, or null. */
export type FirstDifferent = (candidates: readonly Script[]) => Script | null;

/**
 * A part of a script that differs, of which no directive and no option can be left out
 * any more (delta debugging): whole stretches first, then ever shorter ones.
 */
export function shrink(script: Script, firstDifferent: FirstDifferent): Script {
  let smallest = script;
  for (let size = Math.ceil(script.length / 2); size >= 1; ) {
    const smaller = firstDifferent(withoutStretches(smallest, size));
    if (smaller !== null) smallest = smaller;
    else size = size === 1 ? 0 : Math.ceil(size / 2);
  }
  for (;;) {
    const smaller = firstDifferent(withoutOptions(smallest));
    if (smaller === null) return smallest;
    smallest = smaller;
  }
}

/** The first directive stays: it adds the nodes. */
function withoutStretches(script: Script, size: number): Script[] {
  const candidates: Script[] = [];
  for (let at = 1; at < script.length; at += size) {
    candidates.push([...script.slice(0, at), ...script.slice(at + size)]);
  }
  return candidates;
}

/** The script with one option less on its first directive, in all ways. */
function withoutOptions(script: Script): Script[] {
  const [first, ...rest] = script;
  if (first === undefined) return [];
  const words = first.line.split(' ');
  return words.flatMap((word, at) => {
    if (!word.includes('=') || /^(voters|index)=/.test(word)) return [];
    const shorter: Directive = { line: words.toSpliced(at, 1).join(' '), input: first.input };
    return [[shorter, ...rest]];
  });
}
