import type { TestCase } from './datadriven.ts';

/** Thrown for a directive that makes no sense; the file fails. */
export class DirectiveError extends Error {
  override readonly name = 'DirectiveError';
}

/** Thrown for what the environment reports in its output, and then goes on. */
export class ReportedError extends Error {
  override readonly name = 'ReportedError';
}

export function parseInteger(text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new DirectiveError(`"${text}" is not a number`);
  }
  return value;
}

/** Upstream reads booleans with strconv.ParseBool. */
export function parseBoolean(text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw new DirectiveError(`"${text}" is neither true nor false`);
}

/** The value of the argument `key=value`. */
export function requireValue(test: TestCase, key: string): string {
  const value = test.args.find((arg) => arg.key === key)?.values[0];
  if (value === undefined) throw new DirectiveError(`${test.command} needs ${key}=...`);
  return value;
}

/** The first argument, as a number. */
export function firstNumber(test: TestCase): number {
  return parseInteger(test.args[0]?.key ?? '');
}

/** All arguments without a value, as numbers. */
export function bareNumbers(test: TestCase): number[] {
  return test.args.filter((arg) => arg.values.length === 0).map((arg) => parseInteger(arg.key));
}
