// Patterns run on every write, against text that a stranger chose: one that can take time out of
// proportion to the text is refused when the model loads.
import { ambiguity } from './ambiguity.ts';
import { automatonOf } from './automaton.ts';
import { parse, UnsupportedPattern } from './parse.ts';

export interface PatternRefusal {
  code: 'invalid_pattern' | 'unsafe_pattern';
  message: string;
}

/** Longest value, in code points, for which a pattern of this degree still answers at once. */
const LENGTH_FOR_DEGREE = [Infinity, 1024, 256] as const;

/**
 * The regular expression of a field: it is searched for, so anchor it with ^ and $ to match the
 * whole value. The `u` flag makes a character a code point.
 */
export function compilePattern(pattern: string): RegExp {
  return new RegExp(pattern, 'u');
}

/** Why a pattern cannot be used on values of at most `maxLength` code points, if it cannot. */
export function refusePattern(pattern: string, maxLength = Infinity): PatternRefusal | undefined {
  try {
    compilePattern(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*: /, '') : 'it is malformed';
    return { code: 'invalid_pattern', message: `is not a regular expression: ${reason}` };
  }
  try {
    return refuseDegree(ambiguity(automatonOf(parse(pattern))), maxLength);
  } catch (error) {
    if (!(error instanceof UnsupportedPattern)) throw error;
    return { code: 'unsafe_pattern', message: `cannot be checked for safety: it ${error.message}` };
  }
}

function refuseDegree(degree: number, maxLength: number): PatternRefusal | undefined {
  const longest = LENGTH_FOR_DEGREE[degree];
  if (longest === undefined) {
    const message = 'could take forever: repeats inside repeats or too many that overlap';
    return { code: 'unsafe_pattern', message };
  }
  if (maxLength <= longest) return undefined;
  const message = `has repeats that overlap; it needs maxLength: ${longest} or less`;
  return { code: 'unsafe_pattern', message };
}
