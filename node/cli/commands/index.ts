import type { CliCommand } from '../command-line.ts';
import { certsCommand } from './certs.ts';
import { importCommand } from './import.ts';
import { logCommand } from './log.ts';
import { memberCommand } from './member.ts';
import { modelCommand } from './model.ts';
import { serveCommand } from './serve.ts';
import { snapshotCommand } from './snapshot.ts';
import { validateCommand } from './validate.ts';

/** Every command, in the order that `lithair --help` shows them. */
export const COMMANDS: readonly CliCommand[] = [
  serveCommand,
  validateCommand,
  importCommand,
  modelCommand,
  memberCommand,
  snapshotCommand,
  logCommand,
  certsCommand,
];
