/** The licence texts of the packages that a bundle contains. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;

/** One section per package, in the order of their names; `inputs` are esbuild's, relative to root. */
export function noticesOf(root: string, inputs: readonly string[]): string {
  const folders = new Set(inputs.flatMap((input) => PACKAGE.exec(input)?.[0] ?? []));
  const sections = [...folders].sort().map((folder) => section(join(root, folder)));
  return `This program contains the following packages.\n\n${sections.join('\n')}`;
}

function section(folder: string): string {
  const { name, version, license } = describe(folder);
  const texts = readdirSync(folder)
    .filter((file) => LICENCE_FILE.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  const title = `${name} ${version} (${license})`;
  return `${'='.repeat(78)}\n${title}\n\n${texts.join('\n\n') || 'Its package has no licence file.'}\n`;
}

function describe(folder: string): { name: string; version: string; license: string } {
  const path = join(folder, 'package.json');
  const parsed: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  const text = (key: string): string => {
    const value = Object.entries(parsed ?? {}).find(([name]) => name === key)?.[1];
    return typeof value === 'string' ? value : 'unknown';
  };
  return { name: text('name'), version: text('version'), license: text('license') };
}
