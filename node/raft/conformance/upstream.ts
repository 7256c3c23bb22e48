import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The Go module whose recorded conversations are the standard. */
export const UPSTREAM_MODULE = 'go.etcd.io/raft/v3@v3.7.0';

/** How many files of each kind it holds. */
export const UPSTREAM_COUNTS = { interaction: 28, quorum: 4, confchange: 9 } as const;

const DIRECTORIES = ['testdata', 'quorum/testdata', 'confchange/testdata'] as const;

/** The `go` command, the module's root and the directories of the standard, or why there are none. */
export type Upstream =
  | {
      readonly found: true;
      readonly go: string;
      readonly root: string;
      readonly directories: readonly string[];
    }
  | { readonly found: false; readonly reason: string };

/** Finds the module with the `go` command, which downloads it when necessary. */
export function findUpstream(): Upstream {
  const go = goCommand();
  if (go === null) return { found: false, reason: 'there is no go command' };
  const download = spawnSync(go, ['mod', 'download', '-json', UPSTREAM_MODULE], {
    encoding: 'utf8',
  });
  const directory = /"Dir": "([^"]*)"/.exec(download.stdout)?.[1];
  if (download.status !== 0 || directory === undefined) {
    const detail = `${download.stderr}${download.stdout}`.trim().split('\n')[0] ?? '';
    return { found: false, reason: `go mod download ${UPSTREAM_MODULE} failed: ${detail}` };
  }
  const directories = DIRECTORIES.map((name) => join(directory, name));
  return { found: true, go, root: directory, directories };
}

/** `go` from the PATH, or from where its installer puts it. */
function goCommand(): string | null {
  for (const command of ['go', '/usr/local/go/bin/go']) {
    if (command.startsWith('/') && !existsSync(command)) continue;
    if (spawnSync(command, ['version']).status === 0) return command;
  }
  return null;
}
