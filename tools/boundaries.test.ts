import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBoundaries, violation } from './boundaries.ts';

test('the project keeps its own boundaries', () => {
  assert.deepEqual(checkBoundaries(process.cwd()), []);
});

test('a room imports what stands behind it, through the door', () => {
  assert.equal(violation('node/http/pipeline.ts', '../query/index.ts'), null);
  assert.match(violation('node/http/pipeline.ts', '../query/plan.ts') ?? '', /past its door/);
});

test('a room does not import what stands before it', () => {
  assert.match(violation('node/state/state.ts', '../http/index.ts') ?? '', /comes after/);
  assert.match(violation('node/state/state.ts', '../main.ts') ?? '', /composition/);
});

test('operator and node never import each other', () => {
  assert.match(violation('operator/main.ts', '../node/main.ts') ?? '', /another workspace/);
  assert.match(violation('operator/main.ts', '@lithair/node') ?? '', /must not import/);
});

test('the consensus core imports nothing of ours', () => {
  assert.match(violation('node/raft/src/raft.ts', '@lithair/crds') ?? '', /must not import/);
  assert.match(violation('node/raft/src/raft.ts', '../../log/index.ts') ?? '', /another workspace/);
});
