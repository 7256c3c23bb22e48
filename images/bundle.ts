/** Bundles one program with everything it needs into a single file, with the notices it owes. */
import { copyFileSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join, parse } from 'node:path';
import { build } from 'esbuild';
import { noticesOf } from './notices.ts';

/** A program that becomes an image. */
export interface Program {
  /** Also the image: `lithair/<name>`. */
  readonly name: 'node' | 'operator';
  readonly entry: string;
  readonly output: string;
  /** Files that it reads at run time, by their names beside it. */
  readonly beside?: Readonly<Record<string, string>>;
}

/**
 * How images run node. Young objects mostly die in 8 MiB; the 16 that it would take otherwise cost
 * some 25 MB of memory and longer pauses. Where objects of a site have outlived a few collections,
 * as they do under load by chance, V8 makes all of that site old from then on; what they refer to
 * stays with them until the next full collection. That was some 40 MB of garbage, twice as many full
 * collections, and the longest pauses.
 */
export const NODE_FLAGS: readonly string[] = [
  '--max-semi-space-size=8',
  '--no-allocation-site-pretenuring',
];

/**
 * The environment that images run node in. Without a threshold of its own, the allocator takes
 * memory for slabs from its heap once some were freed, and gives none of it back: rows that are left
 * to snapshots would free nothing.
 */
export const NODE_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: '262144',
};

/** What goes into images, in the order in which they are built. */
export const PROGRAMS: readonly Program[] = [
  {
    name: 'node',
    entry: 'node/cli/main.ts',
    output: 'lithair.mjs',
    beside: {
      'client-runtime.ts': 'node/cli/client/runtime.ts',
      'client-collection.ts': 'node/cli/client/collection.ts',
    },
  },
  { name: 'operator', entry: 'operator/main.ts', output: 'operator.mjs' },
];

// CommonJS packages inside an ES module still ask for these three.
const BANNER = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = import.meta.dirname;',
].join('\n');

/**
 * Writes `<directory>/app` with the bundle, the licence and the third-party notices, and returns
 * the size of the bundle in bytes. Times are fixed, so that the same sources give the same layer.
 *
 * @throws Error of esbuild, which names file and line, where the sources do not bundle.
 */
export async function bundle(root: string, program: Program, directory: string): Promise<number> {
  const app = join(directory, 'app');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  const result = await build({
    absWorkingDir: root,
    entryPoints: [{ in: program.entry, out: parse(program.output).name }],
    outdir: app,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunk-[hash]',
    bundle: true,
    // What is imported only when it is needed, such as the client of S3, stays out of the program.
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: BANNER },
    legalComments: 'none',
    minifyWhitespace: true,
    minifySyntax: true,
    // Node prints the line of an error that nobody caught: a program of one line would hide the error.
    lineLimit: 500,
    sourcemap: false,
    metafile: true,
    logLevel: 'silent',
  });
  writeFileSync(
    join(app, 'THIRD-PARTY-NOTICES.txt'),
    noticesOf(root, Object.keys(result.metafile.inputs)),
  );
  copyFileSync(join(root, 'LICENSE'), join(app, 'LICENSE'));
  const beside = Object.entries(program.beside ?? {});
  for (const [name, source] of beside) copyFileSync(join(root, source), join(app, name));
  const names = beside.map(([name]) => name);
  const outputs = Object.keys(result.metafile.outputs).map((path) => basename(path));
  for (const file of [...outputs, 'THIRD-PARTY-NOTICES.txt', 'LICENSE', ...names]) {
    utimesSync(join(app, file), 0, 0);
  }
  return outputs.reduce((sum, name) => sum + statSync(join(app, name)).size, 0);
}
