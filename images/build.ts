/**
 * Builds the images `lithair/node:dev` and `lithair/operator:dev`.
 *
 *   node images/build.ts [node|operator] [--bundle-only]
 *
 * Environment: BASE_IMAGE (a distroless Node 24 by default), IMAGE_TAG (dev), DOCKER (docker).
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { requireNode24 } from '../tools/node-version.ts';
import { bundle, PROGRAMS, type Program } from './bundle.ts';

requireNode24();

const root = join(import.meta.dirname, '..');
const docker = process.env['DOCKER'] ?? 'docker';
const tag = process.env['IMAGE_TAG'] ?? 'dev';
const baseImage = process.env['BASE_IMAGE'] ?? 'gcr.io/distroless/nodejs24-debian12:nonroot';
const words = process.argv.slice(2);
const bundleOnly = words.includes('--bundle-only');
const names = words.filter((word) => !word.startsWith('--'));

try {
  const programs = choose();
  if (!bundleOnly) requireDocker();
  for (const program of programs) await make(program);
} catch (error) {
  console.error(`images: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

function choose(): readonly Program[] {
  const unknown = names.find((name) => !PROGRAMS.some((program) => program.name === name));
  if (unknown !== undefined) throw new Error(`there is no image ${unknown}: node or operator`);
  const chosen = PROGRAMS.filter(({ name }) => names.length === 0 || names.includes(name));
  const missing = chosen.find(({ entry }) => !existsSync(join(root, entry)));
  if (missing !== undefined) throw new Error(`${missing.entry} is not there`);
  return chosen;
}

async function make(program: Program): Promise<void> {
  const directory = join(root, 'images', 'dist', program.name);
  const startedMs = performance.now();
  const bytes = await bundle(root, program, directory);
  console.log(`images: ${program.output} is ${(bytes / 1024 / 1024).toFixed(1)} MB`);
  if (bundleOnly) return;
  const image = `lithair/${program.name}:${tag}`;
  buildImage(program, image, directory);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`images: built ${image} on ${baseImage} in ${seconds} s`);
}

function buildImage(program: Program, image: string, directory: string): void {
  const file = join(root, 'images', `${program.name}.Dockerfile`);
  const what = ['build', '--network', 'none', '--build-arg', `BASE_IMAGE=${baseImage}`];
  const done = spawnSync(docker, [...what, '-t', image, '-f', file, directory], {
    encoding: 'utf8',
  });
  if (done.status === 0) return;
  const output = `${done.stdout ?? ''}${done.stderr ?? ''}`.trim();
  const hint = /pull|manifest|not found|no such host|dial tcp/i.test(output)
    ? `\nimages: the base image could not be had; say another one with BASE_IMAGE=...`
    : '';
  throw new Error(`${docker} build of ${image} failed:\n${output}${hint}`);
}

function requireDocker(): void {
  const done = spawnSync(docker, ['info', '--format', '{{.ServerVersion}}'], { encoding: 'utf8' });
  if (done.error !== undefined) {
    throw new Error(`${docker} cannot be run: install Docker, or say another one with DOCKER=...`);
  }
  if (done.status !== 0) {
    throw new Error(`${docker} is there, but its daemon does not answer: ${done.stderr.trim()}`);
  }
}
