/**
 * `node package/build.ts [DIRECTORY]`: writes the package as others install it, JavaScript
 * with declarations, to DIRECTORY (`dist` by default); `npm pack` and `npm publish` take it
 * from there. Inside this repository the sources are used as they are, because Node strips
 * types from everything but installed packages.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const REPOSITORY = join(ROOT, '../..');
/** What a consumer needs to know; the rest of package.json is about this repository. */
const PUBLISHED = [
  'name',
  'version',
  'description',
  'keywords',
  'license',
  'type',
  'sideEffects',
  'engines',
] as const;

interface Manifest extends Record<(typeof PUBLISHED)[number], unknown> {
  readonly exports: Readonly<Record<string, string>>;
}

build(resolve(process.argv[2] ?? join(ROOT, 'dist')));

function build(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  compile(directory);
  const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const text = JSON.stringify(publishedManifest(manifest), null, 2);
  writeFileSync(join(directory, 'package.json'), `${text}\n`);
  copyFileSync(join(ROOT, 'README.md'), join(directory, 'README.md'));
  copyFileSync(join(REPOSITORY, 'LICENSE'), join(directory, 'LICENSE'));
  console.log(`built ${String(manifest.name)} ${String(manifest.version)} in ${directory}`);
}

function compile(directory: string): void {
  const compiler = join(REPOSITORY, 'node_modules/.bin/tsc');
  const words = ['-p', join(ROOT, 'package/tsconfig.json'), '--outDir', directory];
  const done = spawnSync(compiler, words, { encoding: 'utf8' });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) throw new Error(`the sources do not compile:\n${done.stdout}`);
}

function publishedManifest(manifest: Manifest): Record<string, unknown> {
  const published: Record<string, unknown> = {};
  for (const key of PUBLISHED) published[key] = manifest[key];
  published['exports'] = Object.fromEntries(
    Object.entries(manifest.exports).map(([name, source]) => [name, builtFiles(source)]),
  );
  return published;
}

/** `./src/a/b.ts` becomes `./a/b.js`, with its declarations. */
function builtFiles(source: string): { types: string; default: string } {
  const base = source.replace('./src/', './').replace(/\.ts$/, '');
  return { types: `${base}.d.ts`, default: `${base}.js` };
}
