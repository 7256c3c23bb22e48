import { parseArgs } from 'node:util';
import { didYouMean } from '@lithair/crds/suggest';
import { CliError, EXIT } from './cli-error.ts';

/** One option of a command. `value` names what it takes; without it the option is a switch. */
export interface OptionSpec {
  readonly value?: string;
  readonly repeatable?: boolean;
  /** One letter that stands for it behind one dash. */
  readonly short?: string;
  readonly help: string;
}

/** One command of the CLI. */
export interface CliCommand {
  readonly name: string;
  /** What follows the name, for example `URL MODEL FILE`; a bracket marks what may be left out. */
  readonly positionals: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** What the first positional is one of, where it is one of a few; shells complete it. */
  readonly words?: readonly string[];
  /** Further lines of its help: what to know, an example. */
  readonly details: readonly string[];
  /** Resolves to the exit code. */
  run(input: CliInput): Promise<number>;
}

/** A parsed command line: positionals by place, options by name. */
export interface CliInput {
  readonly positionals: readonly string[];
  text(option: string): string | undefined;
  texts(option: string): readonly string[];
  flag(option: string): boolean;
  /** @throws CliError where the value is not a whole number in the range */
  integer(option: string, minimum: number, maximum: number): number | undefined;
}

/**
 * Parses what follows a command's name.
 *
 * @throws CliError (exit 2) on an unknown option, a missing value or the wrong number of positionals
 */
export function parseCommandLine(command: CliCommand, words: readonly string[]): CliInput {
  const { values, positionals } = parse(command, words);
  checkPositionals(command, positionals);
  const texts = (option: string): readonly string[] => {
    const value = values[option];
    if (Array.isArray(value)) return value.filter((v) => typeof v === 'string');
    return typeof value === 'string' ? [value] : [];
  };
  const text = (option: string): string | undefined => texts(option).at(-1);
  return {
    positionals,
    text,
    texts,
    flag: (option) => values[option] === true,
    integer: (option, minimum, maximum) => toInteger(option, text(option), minimum, maximum),
  };
}

function parse(command: CliCommand, words: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { value, repeatable, short }]) => {
      const type = value === undefined ? ('boolean' as const) : ('string' as const);
      return [name, { type, multiple: repeatable ?? false, ...(short !== undefined && { short }) }];
    }),
  );
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. To specify')[0] : String(error);
    throw usageError(command, `${reason ?? 'cannot be read'}${nearOption(command, reason ?? '')}`);
  }
}

/** Where an option is unknown: the one that may have been meant. */
function nearOption(command: CliCommand, reason: string): string {
  const [, unknown] = /^Unknown option '--?([^']+)'/.exec(reason) ?? [];
  const names = Object.keys(command.options).map((name) => `--${name}`);
  return unknown === undefined ? '' : didYouMean(`--${unknown}`, names);
}

function checkPositionals(command: CliCommand, given: readonly string[]): void {
  const wanted = command.positionals.split(' ').filter((word) => word !== '');
  const least = wanted.filter((word) => !word.startsWith('[')).length;
  const { words = [] } = command;
  const [first] = given;
  if (given.length < least && first !== undefined && words.length > 0 && !words.includes(first)) {
    const known = `${words.join(', ')}${didYouMean(first, words)}`;
    throw usageError(command, `${first} is none of ${known}`);
  }
  if (given.length < least) throw usageError(command, `${wanted[given.length]} is missing`);
  const extra = given[wanted.length];
  if (extra !== undefined) throw usageError(command, `unexpected argument ${extra}`);
}

function toInteger(option: string, text: string | undefined, minimum: number, maximum: number) {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= maximum) return value;
  const range = `a whole number from ${minimum} to ${maximum}`;
  throw new CliError(`--${option} takes ${range}, not ${text}`, EXIT.usage);
}

function usageError(command: CliCommand, reason: string): CliError {
  return new CliError(
    `${command.name}: ${reason} (see lithair ${command.name} --help)`,
    EXIT.usage,
  );
}

/** The help page of one command. */
export function helpOf(command: CliCommand, summary: string): string {
  const rows = Object.entries(command.options).map(([name, spec]) => {
    const both = spec.short === undefined ? `--${name}` : `-${spec.short}, --${name}`;
    const left = spec.value === undefined ? both : `${both} ${spec.value}`;
    return `  ${left.padEnd(28)} ${spec.help}`;
  });
  const usage = `Usage: lithair ${command.name} ${command.positionals}`.trimEnd();
  const options = rows.length === 0 ? [] : ['', 'Options:', ...rows];
  const details = command.details.length === 0 ? [] : ['', ...command.details];
  return [`${usage} [options]`, '', summary, ...options, ...details, ''].join('\n');
}
