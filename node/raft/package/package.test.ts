import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMPILER = join(ROOT, '../../node_modules/.bin/tsc');

let directory = '';

function run(program: string, words: readonly string[]): string {
  const done = spawnSync(program, words, { cwd: directory, encoding: 'utf8' });
  assert.equal(done.status, 0, `${program} ${words.join(' ')}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

describe('the package, installed somewhere else', () => {
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'etcd-raft-ts-'));
    writeFileSync(join(directory, 'package.json'), '{"type":"module","private":true}\n');
    run(process.execPath, [join(ROOT, 'package/build.ts'), join(directory, 'built')]);
    const tarball = run('npm', ['pack', './built', '--silent']).trim();
    run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--silent', `./${tarball}`]);
    copyFileSync(join(ROOT, 'example/replicated-list.ts'), join(directory, 'example.ts'));
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  it('runs the example', () => {
    assert.equal(run(process.execPath, ['example.ts']).split('\n')[0], '1: hello world');
  });

  it('has declarations that the example compiles against', () => {
    const options = {
      module: 'nodenext',
      target: 'esnext',
      lib: ['esnext', 'dom'],
      types: [],
      strict: true,
      noEmit: true,
    };
    const config = { compilerOptions: options, files: ['example.ts'] };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
    run(COMPILER, ['-p', 'tsconfig.json']);
  });

  it('exports its pure parts on their own', () => {
    const program = `
      import { JointConfig, MajorityConfig } from 'etcd-raft-ts/quorum';
      import { ProgressTracker } from 'etcd-raft-ts/tracker';
      import { Changer } from 'etcd-raft-ts/confchange';
      const changer = new Changer(new ProgressTracker(8, 1024), 1);
      const { config } = changer.simple([{ type: 0, nodeId: 7 }]);
      console.log(String(new JointConfig(new MajorityConfig([1, 2]))), String(config));
    `;
    writeFileSync(join(directory, 'parts.js'), program);
    assert.equal(run(process.execPath, ['parts.js']), '(1 2) voters=(7)\n');
  });

  it('contains neither tests nor anything outside the sources', () => {
    const manifest: unknown = JSON.parse(
      readFileSync(join(directory, 'built/package.json'), 'utf8'),
    );
    assert.ok(typeof manifest === 'object' && manifest !== null);
    assert.ok(!('private' in manifest) && !('scripts' in manifest));
    const listing = run('npm', ['pack', './built', '--dry-run', '--json']);
    assert.doesNotMatch(listing, /\.test\.|testing\/|conformance|oracle/);
    assert.match(listing, /"LICENSE"/);
    assert.match(listing, /"README\.md"/);
  });
});
