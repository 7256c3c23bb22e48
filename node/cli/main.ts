#!/usr/bin/env node
import { didYouMean } from '@lithair/crds/suggest';
import { CliError, EXIT, systemFailure } from './cli-error.ts';
import { type CliCommand, helpOf, parseCommandLine } from './command-line.ts';
import { COMMANDS } from './commands/index.ts';
import { VERSION } from './version.ts';

const HELP = ['help', '--help', '-h'];

// Who reads may have had enough (`lithair log DIR | head`); that is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
});

const exitCode = await main(process.argv.slice(2));
// What was written may still be on its way into a pipe, and an exit would cut it off.
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// Whatever still waits (a connection, a worker) must not keep a finished command alive.
process.exit(exitCode);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => void stream.write('', () => resolve()));
}

async function main(words: readonly string[]): Promise<number> {
  const [name, ...rest] = words;
  // `lithair help serve` is `lithair serve --help`.
  if (name === 'help' && rest[0]?.startsWith('-') === false) return main([rest[0], '--help']);
  if (name === undefined || HELP.includes(name)) return overview();
  if (name === '--version' || name === '-v' || name === 'version') return print(VERSION);
  const entry = COMMANDS.find((candidate) => candidate.name === name);
  if (entry === undefined) return fail(unknownCommand(name), EXIT.usage);
  const command = await entry.load();
  if (rest.includes('--help') || rest.includes('-h')) return print(helpOf(command, entry.summary));
  return runCommand(command, rest);
}

function unknownCommand(name: string): string {
  const names = COMMANDS.map((command) => command.name);
  return `unknown command ${name}${didYouMean(name, names)} (see lithair --help)`;
}

async function runCommand(command: CliCommand, words: readonly string[]): Promise<number> {
  try {
    return await command.run(parseCommandLine(command, words));
  } catch (error) {
    if (error instanceof CliError) return fail(error.message, error.exitCode);
    const failure = systemFailure(error);
    if (failure !== null) return fail(failure, EXIT.failed);
    throw error;
  }
}

function overview(): number {
  const rows = COMMANDS.map((command) => `  ${command.name.padEnd(10)} ${command.summary}`);
  return print(
    [
      'lithair: a declarative model becomes a replicated, durable REST API',
      '',
      'Usage: lithair COMMAND [arguments] [options]',
      '',
      ...rows,
      '',
      ...lesson(),
      '',
      '  lithair COMMAND --help                     what a command takes, with an example',
      '  source <(lithair completion bash)          commands and options by the tab key',
      '',
    ].join('\n'),
  );
}

/** From nothing to a cluster, each step with the command that takes it. */
function lesson(): readonly string[] {
  return [
    'Begin here:',
    '  lithair init model.yaml                    1. write a model, with comments to learn from',
    '  lithair validate model.yaml                2. hear what is wrong with it, by line and column',
    '  lithair serve model.yaml --try             3. serve it on http://127.0.0.1:8080, see /docs',
    '  lithair import http://127.0.0.1:8080 Task tasks.ndjson',
    '                                             4. fill it; run it again where it was cut off',
    "  lithair explain model.yaml '/api/tasks?status=open'",
    '                                             5. see which index answers a list',
    '  lithair client model.yaml --out tasks.ts   6. call it from TypeScript',
    '  lithair serve model.yaml --nodes 3         7. run three nodes; kill one, nothing is lost',
  ];
}

function print(text: string): number {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  return EXIT.ok;
}

function fail(message: string, exitCode: number): number {
  process.stderr.write(`lithair: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`);
  return exitCode;
}
