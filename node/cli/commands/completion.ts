import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';
import { COMMANDS } from './index.ts';

/** What a shell has to know of a command. */
interface Completion {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** Of the word behind the name; empty where files are completed. */
  readonly words: readonly string[];
}

interface CompletedOption {
  readonly name: string;
  readonly help: string;
  readonly takesValue: boolean;
}

/** `lithair completion SHELL`: a script that completes commands and options. */
export const completionCommand: CliCommand = {
  name: 'completion',
  positionals: 'SHELL',
  words: ['bash', 'zsh', 'fish'],
  options: {},
  details: [
    'SHELL is bash, zsh or fish. Example, for the shell that runs:',
    '  source <(lithair completion bash)',
    '  lithair completion fish > ~/.config/fish/completions/lithair.fish',
  ],
  async run(input) {
    const shell = input.positionals[0] ?? '';
    const script = SCRIPTS[shell];
    if (script === undefined) {
      throw new CliError(`completion: there is none for ${shell}: bash, zsh or fish`, EXIT.usage);
    }
    process.stdout.write(script(await completions()));
    return EXIT.ok;
  },
};

const HELP: CompletedOption = { name: 'help', help: 'what the command takes', takesValue: false };

async function completions(): Promise<Completion[]> {
  const commands = await Promise.all(
    COMMANDS.map(async (entry): Promise<Completion> => {
      const { name, summary } = entry;
      const { options, words = [] } = await entry.load();
      const own = Object.entries(options).map(([option, { help, value }]) => {
        return { name: option, help, takesValue: value !== undefined };
      });
      return { name, summary, options: [...own, HELP], words };
    }),
  );
  const names = commands.map(({ name }) => name);
  const help = { name: 'help', summary: 'Show what a command takes', options: [], words: names };
  return [...commands, help];
}

const SCRIPTS: Readonly<Record<string, (commands: readonly Completion[]) => string>> = {
  bash,
  zsh,
  fish,
};

/** What bash takes, which zsh takes as well once its own completion runs: not every start loads it. */
function zsh(commands: readonly Completion[]): string {
  return [
    '(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }',
    'autoload -U +X bashcompinit && bashcompinit',
    bash(commands),
  ].join('\n');
}

/** Options after a dash, actions where a command has some, else files; the first word is a command. */
function bash(commands: readonly Completion[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const cases = commands.map(
    ({ name, options, words }) =>
      `    ${name}) options="${options.map((one) => `--${one.name}`).join(' ')}" words="${words.join(' ')}" ;;`,
  );
  return [
    '_lithair() {',
    '  local word="${COMP_WORDS[COMP_CWORD]}" options="" words=""',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${names}" -- "$word"))`,
    '    return',
    '  fi',
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    '  esac',
    '  if [ "${word:0:1}" = "-" ]; then COMPREPLY=($(compgen -W "$options" -- "$word")); return; fi',
    '  if [ "$COMP_CWORD" -eq 2 ] && [ -n "$words" ]; then',
    '    COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '    return',
    '  fi',
    '  COMPREPLY=($(compgen -f -- "$word"))',
    '}',
    'complete -o filenames -F _lithair lithair',
    '',
  ].join('\n');
}

function fish(commands: readonly Completion[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const unknown = `not __fish_seen_subcommand_from ${names}`;
  return commands
    .flatMap(({ name, summary, options, words }) => [
      `complete -c lithair -n '${unknown}' -f -a ${name} -d ${quoted(summary)}`,
      ...(words.length === 0
        ? []
        : [`complete -c lithair -n '${firstOf(name, words)}' -f -a '${words.join(' ')}'`]),
      ...options.map((option) => fishOption(name, option)),
    ])
    .join('\n')
    .concat('\n');
}

/** With -r the word behind it is a value, a file as a rule, and no further option. */
function fishOption(command: string, { name, help, takesValue }: CompletedOption): string {
  const place = `-n '__fish_seen_subcommand_from ${command}'`;
  return `complete -c lithair ${place} -l ${name}${takesValue ? ' -r' : ''} -d ${quoted(help)}`;
}

/** Behind the command, until one of its words is there. */
function firstOf(name: string, words: readonly string[]): string {
  const seen = '__fish_seen_subcommand_from';
  return `${seen} ${name}; and not ${seen} ${words.join(' ')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}
