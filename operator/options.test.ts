import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from './options.ts';

test('the image is all that must be said', () => {
  assert.deepEqual(readOptions(['--node-image', 'lithair/node:dev']), {
    nodeImage: 'lithair/node:dev',
    watchNamespaces: [],
    namespace: null,
    opsHost: '0.0.0.0',
    opsPort: 9080,
    concurrency: 4,
    logLevel: 'info',
  });
});

test('namespaces are a list without repetition', () => {
  const { watchNamespaces } = readOptions(['--node-image=x', '--watch-namespaces=a, b,a']);
  assert.deepEqual(watchNamespaces, ['a', 'b']);
});

const REFUSED: readonly [string[], RegExp][] = [
  [[], /--node-image must be said/],
  [['--node-image=x', '--ops-port=70000'], /--ops-port: a whole number from 0 to 65535/],
  [['--node-image=x', '--concurrency=0'], /--concurrency/],
  [['--node-image=x', '--log-level=loud'], /no such level: loud/],
  [['--node-image=x', '--watch-namespaces=A_b'], /not a namespace: A_b/],
  [['--node-image=x', '--colour'], /--colour/],
  [['--node-image=x', 'more'], /more/],
];

for (const [args, reason] of REFUSED) {
  test(`"${args.join(' ')}" is refused`, () => {
    assert.throws(() => readOptions(args), reason);
  });
}
