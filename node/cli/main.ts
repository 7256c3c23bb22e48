#!/usr/bin/env node
import { CliError, EXIT } from './cli-error.ts';
import { type CliCommand, helpOf, parseCommandLine } from './command-line.ts';
import { COMMANDS } from './commands/index.ts';
import { VERSION } from './version.ts';

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
  if (name === undefined || name === 'help' || name === '--help' || name === '-h')
    return overview();
  if (name === '--version' || name === 'version') return print(VERSION);
  const entry = COMMANDS.find((candidate) => candidate.name === name);
  if (entry === undefined) return fail(`unknown command ${name} (see lithair --help)`, EXIT.usage);
  const command = await entry.load();
  if (rest.includes('--help') || rest.includes('-h')) return print(helpOf(command, entry.summary));
  return runCommand(command, rest);
}

async function runCommand(command: CliCommand, words: readonly string[]): Promise<number> {
  try {
    return await command.run(parseCommandLine(command, words));
  } catch (error) {
    if (error instanceof CliError) return fail(error.message, error.exitCode);
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
      'Start here:',
      '  lithair serve docs/examples/shop.yaml      serve a model on http://127.0.0.1:8080',
      '  lithair COMMAND --help                     what a command takes, with an example',
      '',
    ].join('\n'),
  );
}

function print(text: string): number {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  return EXIT.ok;
}

function fail(message: string, exitCode: number): number {
  process.stderr.write(`lithair: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`);
  return exitCode;
}
