import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CliCommand, helpOf, parseCommandLine } from './command-line.ts';
import { COMMANDS } from './commands/index.ts';

const COMMAND: CliCommand = {
  name: 'paint',
  positionals: 'WALL [COLOUR]',
  options: {
    coats: { value: 'N', short: 'c', help: 'how many' },
    tool: { value: 'NAME', repeatable: true, help: 'with what' },
    dry: { help: 'only say so' },
  },
  details: [],
  run: async () => 0,
};

test('positionals, values, repeated values and switches are told apart', () => {
  const input = parseCommandLine(COMMAND, [
    'north',
    '--tool',
    'a',
    '--tool=b',
    '--coats',
    '2',
    '--dry',
  ]);
  assert.deepEqual(input.positionals, ['north']);
  assert.deepEqual(input.texts('tool'), ['a', 'b']);
  assert.equal(input.integer('coats', 1, 3), 2);
  assert.equal(input.flag('dry'), true);
  assert.equal(input.text('tool'), 'b');
});

test('a letter behind one dash stands for the option that names it, and help shows it', () => {
  for (const words of [['-c', '2'], ['-c2'], ['--coats', '2']]) {
    assert.equal(parseCommandLine(COMMAND, ['north', ...words]).integer('coats', 1, 3), 2);
  }
  assert.throws(() => parseCommandLine(COMMAND, ['north', '-t', 'a']), { exitCode: 2 });
  assert.match(helpOf(COMMAND, 'Paint'), /^ {2}-c, --coats N +how many$/m);
});

test('what was not given is undefined, empty or false', () => {
  const input = parseCommandLine(COMMAND, ['north']);
  assert.equal(input.integer('coats', 1, 3), undefined);
  assert.deepEqual(input.texts('tool'), []);
  assert.equal(input.flag('dry'), false);
});

test('a wrong command line is refused with exit code 2 and says why', () => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [[], /WALL is missing/],
    [['north', 'red', 'twice'], /unexpected argument twice/],
    [['north', '--colour', 'red'], /--colour/],
    [['north', '--coats'], /--coats/],
  ];
  for (const [words, message] of wrong) {
    assert.throws(() => parseCommandLine(COMMAND, words), { exitCode: 2, message });
  }
});

test('a number outside of its range is refused', () => {
  for (const value of ['0', '4', 'two', '1.5', '-1']) {
    const input = parseCommandLine(COMMAND, ['north', `--coats=${value}`]);
    assert.throws(() => input.integer('coats', 1, 3), /whole number from 1 to 3/);
  }
});

test('every command explains itself', async () => {
  for (const entry of COMMANDS) {
    const command = await entry.load();
    const help = helpOf(command, entry.summary);
    assert.equal(command.name, entry.name);
    assert.match(help, new RegExp(`Usage: lithair ${command.name}`));
    assert.ok(help.includes(entry.summary));
    for (const option of Object.keys(command.options))
      assert.ok(help.includes(`--${option}`), option);
  }
});
