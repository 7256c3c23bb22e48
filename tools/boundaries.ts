/**
 * The layout as a rule. A workspace imports only the workspaces it may know; a room of the node
 * imports only rooms behind it in the request's order, and only through their door, `index.ts`.
 * Tests and the simulator may look in from anywhere.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Which of our own packages each workspace may import. */
const WORKSPACES: Readonly<Record<string, readonly string[]>> = {
  crds: ['@lithair/crds'],
  'node/raft': [],
  node: ['@lithair/crds', 'etcd-raft-ts'],
  operator: ['@lithair/crds'],
  e2e: ['@lithair/crds'],
};

/** The rooms of the node in the order of a request; a room imports only what stands behind it. */
export const ROOMS = [
  'cli',
  'sim',
  'gateway',
  'http',
  'auth',
  'access',
  'validation',
  'outbox',
  'command',
  'membership',
  'backup',
  'consensus',
  'audit',
  'archive',
  'cold',
  'log',
  'query',
  'state',
  'history',
  'entry',
  'values',
  'telemetry',
  'encryption',
  'ports',
] as const;

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|import\(['"]([^'"]+)['"]\)/g;

/** All violations under `root`, one sentence each. */
export function checkBoundaries(root: string): string[] {
  const files = Object.keys(WORKSPACES)
    .flatMap((workspace) => globSync(`${workspace}/**/*.ts`, { cwd: root }))
    .filter(
      (file) =>
        !/node_modules|\/dist\/|\.test\.ts$|\/(bench|example|sim|test|testing)\//.test(file),
    );
  return [...new Set(files)].flatMap((file) =>
    importsOf(join(root, file)).flatMap((target) => violation(file, target) ?? []),
  );
}

function importsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(IMPORT)].flatMap((m) => m[1] ?? m[2] ?? []);
}

/** Why `file` may not import `target`; null where it may. */
export function violation(file: string, target: string): string | null {
  const workspace = workspaceOf(file);
  if (!target.startsWith('.')) return packageViolation(file, workspace, target);
  const resolved = normalize(join(dirname(file), target));
  if (workspaceOf(resolved) !== workspace)
    return `${file}: reaches into another workspace: ${target}`;
  return workspace === 'node' ? roomViolation(file, resolved) : null;
}

function packageViolation(file: string, workspace: string, target: string): string | null {
  const ours = target.startsWith('@lithair/') || target.startsWith('etcd-raft-ts');
  if (!ours) return null;
  const allowed = WORKSPACES[workspace] ?? [];
  if (allowed.some((name) => target === name || target.startsWith(`${name}/`))) return null;
  return `${file}: ${workspace} must not import ${target}`;
}

function roomViolation(file: string, resolved: string): string | null {
  const from = roomOf(file);
  const to = roomOf(resolved);
  if (from === to || from === null) return null;
  if (to === null) {
    return from === 'cli' || from === 'sim'
      ? null
      : `${file}: a room must not import the composition (${resolved})`;
  }
  if (ROOMS.indexOf(to) < ROOMS.indexOf(from)) {
    return `${file}: ${from} comes after ${to} in the request's order and must not import it`;
  }
  const isDoor = resolved === `node/${to}/index.ts`;
  return isDoor ? null : `${file}: enters the room ${to} past its door (${resolved})`;
}

function workspaceOf(file: string): string {
  if (file.startsWith('node/raft/')) return 'node/raft';
  return file.split('/')[0] ?? '';
}

function roomOf(file: string): (typeof ROOMS)[number] | null {
  const [, name, rest] = file.split('/');
  if (rest === undefined) return null;
  const room = ROOMS.find((candidate) => candidate === name);
  if (room === undefined) throw new Error(`${file}: node/${name} is not a room: name it in ROOMS`);
  return room;
}
