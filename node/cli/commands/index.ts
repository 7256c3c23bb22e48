import type { CliCommand } from '../command-line.ts';
import { certsCommand } from './certs.ts';
import { importCommand } from './import.ts';
import { serveCommand } from './serve.ts';
import { validateCommand } from './validate.ts';

/** Every command, in the order that `lithair --help` shows them. */
export const COMMANDS: readonly CliCommand[] = [
  serveCommand,
  validateCommand,
  importCommand,
  certsCommand,
];
