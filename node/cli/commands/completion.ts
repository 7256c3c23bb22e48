import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';
import { COMMANDS } from './index.ts';

/** What a shell has to know of a command. */
interface Completion {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
}

/** `lithair completion SHELL`: a script that completes commands and options. */
export const completionCommand: CliCommand = {
  name: 'completion',
  positionals: 'SHELL',
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

async function completions(): Promise<Completion[]> {
  return Promise.all(
    COMMANDS.map(async (entry) => {
      const { name, summary } = entry;
      const { options } = await entry.load();
      return { name, summary, options: [...Object.keys(options), 'help'].map((o) => `--${o}`) };
    }),
  );
}

const SCRIPTS: Readonly<Record<string, (commands: readonly Completion[]) => string>> = {
  bash,
  zsh: (commands) => `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`,
  fish,
};

/** Options after a dash, else files; the first word is a command. */
function bash(commands: readonly Completion[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const cases = commands.map(
    ({ name, options }) => `    ${name}) options="${options.join(' ')}" ;;`,
  );
  return [
    '_lithair() {',
    '  local word="${COMP_WORDS[COMP_CWORD]}" options=""',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${names}" -- "$word"))`,
    '    return',
    '  fi',
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    '  esac',
    '  if [ "${word:0:1}" = "-" ]; then COMPREPLY=($(compgen -W "$options" -- "$word")); return; fi',
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
    .flatMap(({ name, summary, options }) => [
      `complete -c lithair -n '${unknown}' -f -a ${name} -d ${quoted(summary)}`,
      ...options.map(
        (option) =>
          `complete -c lithair -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`,
      ),
    ])
    .join('\n')
    .concat('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}
