import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { helpOf } from '../cli/command-line.ts';
import { COMMANDS } from '../cli/commands/index.ts';
import { eventually, freePortFlags, LithairProcess, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const CLI = join(import.meta.dirname, '..', 'cli', 'main.ts');

const dir = await mkdtemp(join(tmpdir(), 'lithair-cli-'));
after(() => rm(dir, { recursive: true, force: true }));

test('every command is in the overview, explains itself and names its options', async () => {
  const overview = await lithair('--help');
  for (const entry of COMMANDS) {
    const { name, summary } = entry;
    assert.ok(overview.output.includes(summary), name);
    const command = await entry.load();
    assert.equal(command.name, name);
    for (const option of Object.keys(command.options)) {
      assert.ok(helpOf(command, summary).includes(`--${option}`), `${name} --${option}`);
    }
  }
  const help = await lithair('serve', '--help');
  assert.equal(help.code, 0);
  assert.match(help.output, /Usage: lithair serve FILE/);
});

test('a word that is nearly one of the words is told of', async () => {
  const near = await lithair('srve', 'model.yaml');
  assert.equal(near.code, 2);
  assert.match(near.output, /unknown command srve \(did you mean "serve"\?\)/);
  const option = await lithair('serve', 'model.yaml', '--prt', '1');
  assert.match(option.output, /Unknown option '--prt' \(did you mean "--port"\?\)/);
  assert.doesNotMatch((await lithair('xyzzy')).output, /did you mean/);
});

test('help of a command is what the command says of itself', async () => {
  const help = await lithair('help', 'export');
  assert.equal(help.output, (await lithair('export', '--help')).output);
  assert.match(help.output, /Usage: lithair export/);
  assert.equal((await lithair('help', 'nothing')).code, 2);
});

test('files that cannot be read or written are told of in words', async () => {
  assert.match((await lithair('validate', '/tmp')).output, /cannot read \/tmp: it is a directory/);
  const init = await lithair('init', '/no/such/model.yaml');
  assert.match(init.output, /cannot write \/no\/such\/model.yaml: no such file or directory/);
});

test('init writes a model that is valid, and never over another file', async () => {
  const file = join(dir, 'model.yaml');
  assert.equal((await lithair('init', file)).code, 0);
  const valid = await lithair('validate', file);
  assert.equal(valid.code, 0, valid.output);
  assert.match(valid.output, /valid: Project, Task/);
  await writeFile(file, 'mine');
  const again = await lithair('init', file);
  assert.equal(again.code, 1);
  assert.match(again.output, /is there already/);
  assert.equal(await readFile(file, 'utf8'), 'mine');
});

test('what export writes, import takes back', async () => {
  const words = await freePortFlags();
  const url = `http://127.0.0.1:${words[words.indexOf('--port') + 1]}`;
  const served = new LithairProcess(['serve', MODEL, '--data', join(dir, 'data'), ...words]);
  try {
    await eventually('the node to serve', async () =>
      (await fetch(`${url}/readyz`)).ok ? true : null,
    );
    const rows = Array.from({ length: 2500 }, (_, round) => ({ text: `n${round}`, round }));
    const source = join(dir, 'notes.ndjson');
    await writeFile(source, rows.map((row) => JSON.stringify(row)).join('\n'));
    assert.equal((await lithair('import', url, 'Note', source)).code, 0);

    const exported = spawnSync(process.execPath, [CLI, 'export', url, 'Note'], {
      encoding: 'utf8',
    });
    assert.equal(exported.status, 0, exported.stderr);
    assert.match(exported.stderr, /2500 rows/);
    const lines = exported.stdout.trimEnd().split('\n');
    assert.equal(lines.length, 2500);
    const ids = new Set(lines.map((line) => String(Reflect.get(JSON.parse(line), 'id'))));
    assert.equal(ids.size, 2500);

    const back = join(dir, 'back.ndjson');
    await writeFile(back, exported.stdout);
    const again = await lithair('import', url, 'Note', back);
    assert.match(again.output, /2500 already there/);

    const unknown = await lithair('export', url, 'Nothing');
    assert.equal(unknown.code, 1);
    assert.match(unknown.output, /the server has no model Nothing; it has Note/);
  } finally {
    await served.kill('SIGTERM');
  }
});

const hasZsh = spawnSync('zsh', ['-c', ':']).error === undefined;

test('zsh takes the script, whether its own completion runs or not', {
  skip: hasZsh ? false : 'needs zsh',
}, async () => {
  const script = (await lithair('completion', 'zsh')).output;
  for (const before of ['', 'autoload -Uz compinit && compinit -u\n']) {
    const file = join(dir, 'completion.zsh');
    await writeFile(file, `${before}${script}`);
    const sourced = spawnSync('zsh', ['-f', '-c', `source ${file} && print $_comps[lithair]`], {
      encoding: 'utf8',
      env: { ...process.env, ZDOTDIR: dir },
    });
    assert.equal(sourced.stderr, '');
    assert.match(sourced.stdout, /_lithair/);
  }
});

const hasFish = spawnSync('fish', ['-c', ':']).error === undefined;

test('fish completes commands, actions, and options with what they mean', {
  skip: hasFish ? false : 'needs fish',
}, async () => {
  const file = join(dir, 'lithair.fish');
  await writeFile(file, (await lithair('completion', 'fish')).output);
  const complete = (line: string) => {
    const words = ['--no-config', '-c', `source ${file}; complete -C '${line}'`];
    const run = spawnSync('fish', words, { encoding: 'utf8', cwd: dir });
    assert.equal(run.stderr, '');
    return run.stdout.trimEnd().split('\n');
  };
  assert.deepEqual(
    complete('lithair s').map((line) => line.split('\t')[0]),
    ['serve', 'snapshot'],
  );
  assert.deepEqual(complete('lithair keys ro'), ['rotate']);
  assert.deepEqual(complete('lithair help expl'), ['explain']);
  assert.match(complete('lithair serve --ini').join(), /^--initial-cluster\tn1=HOST:PORT/);
  // Behind an option with a value stands that value, and no action.
  assert.ok(!complete('lithair member --address ').includes('list'));
});

test('bash completes commands, and the options of each', async () => {
  const script = (await lithair('completion', 'bash')).output;
  const complete = (...words: string[]) => {
    const line = `COMP_WORDS=(lithair ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _lithair; echo "\${COMPREPLY[*]}"`;
    return spawnSync('bash', ['-c', `${script}\n${line}`], { encoding: 'utf8' }).stdout.trim();
  };
  assert.equal(complete('se'), 'serve');
  assert.equal(complete('serve', '--ini'), '--initial-cluster');
  assert.equal(complete('import', 'a', '--re'), '--restart');
  assert.equal(complete('member', 'tr'), 'transfer');
  assert.equal(complete('keys', 'ro'), 'rotate');
  assert.equal(complete('help', 'expl'), 'explain');
  const fish = (await lithair('completion', 'fish')).output;
  assert.match(fish, /from member; and not .* -a 'list remove replace/);
  const none = await lithair('completion', 'cmd');
  assert.equal(none.code, 2);
  assert.match(none.output, /bash, zsh or fish/);
});
