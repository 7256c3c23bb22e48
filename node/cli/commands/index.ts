import type { CliCommand } from '../command-line.ts';

/** A command by name; what it needs is loaded when it is called, not before. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<CliCommand>;
}

/** Every command, in the order that `lithair --help` shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'serve',
    summary: 'Serve a model: one node, or a whole local cluster with --nodes 3',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
  {
    name: 'validate',
    summary: 'Check a model file and say where and why it is refused',
    load: async () => (await import('./validate.ts')).validateCommand,
  },
  {
    name: 'test',
    summary: 'Derive tests from a model and run them against a throw-away node',
    load: async () => (await import('./test.ts')).testCommand,
  },
  {
    name: 'explain',
    summary: 'Say which index of a model answers a list',
    load: async () => (await import('./explain.ts')).explainCommand,
  },
  {
    name: 'init',
    summary: 'Write a commented model to begin with',
    load: async () => (await import('./init.ts')).initCommand,
  },
  {
    name: 'client',
    summary: 'Generate a typed client for TypeScript',
    load: async () => (await import('./client.ts')).clientCommand,
  },
  {
    name: 'import',
    summary: 'Send the rows of a JSON, NDJSON or CSV file to a model',
    load: async () => (await import('./import.ts')).importCommand,
  },
  {
    name: 'export',
    summary: 'Write all rows of a model as JSON lines',
    load: async () => (await import('./export.ts')).exportCommand,
  },
  {
    name: 'model',
    summary: 'Submit a changed model to a running cluster',
    load: async () => (await import('./model.ts')).modelCommand,
  },
  {
    name: 'member',
    summary: 'List, remove or promote members, or hand leadership over',
    load: async () => (await import('./member.ts')).memberCommand,
  },
  {
    name: 'snapshot',
    summary: 'Make a member write a snapshot of its state now',
    load: async () => (await import('./snapshot.ts')).snapshotCommand,
  },
  {
    name: 'compact',
    summary: 'Make a member remove from its disk what is not kept any more',
    load: async () => (await import('./compact.ts')).compactCommand,
  },
  {
    name: 'backup',
    summary: 'Back a running cluster up, or bring its backup up to date',
    load: async () => (await import('./backup.ts')).backupCommand,
  },
  {
    name: 'restore',
    summary: 'Make a data directory from a backup, as it was at any moment',
    load: async () => (await import('./restore.ts')).restoreCommand,
  },
  {
    name: 'log',
    summary: 'Show the events of a data directory, or check it',
    load: async () => (await import('./log.ts')).logCommand,
  },
  {
    name: 'api-key',
    summary: 'Make an API key for a program',
    load: async () => (await import('./api-key.ts')).apiKeyCommand,
  },
  {
    name: 'keys',
    summary: 'Make and rotate the keys of models that are encrypted at rest',
    load: async () => (await import('./keys.ts')).keysCommand,
  },
  {
    name: 'certs',
    summary: 'Make the certificates of a cluster that is run by hand',
    load: async () => (await import('./certs.ts')).certsCommand,
  },
  {
    name: 'completion',
    summary: 'Print the completion script of a shell',
    load: async () => (await import('./completion.ts')).completionCommand,
  },
];
