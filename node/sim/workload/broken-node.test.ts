import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, type FinalState, type HeldRow, pictureOf } from '../checks/index.ts';
import { type Faults, runOneNode, type Serve } from './testing/one-node.ts';
import type { Answer, Request } from './world.ts';

/** Within ten seeds, each of the checks must notice the fault. */
async function isNoticed(faults: Faults, ...checks: string[]): Promise<void> {
  const noticed = new Set<string>();
  for (let seed = 1; seed <= 10; seed++) {
    const history = await runOneNode(seed, 5000, faults);
    const violations = checkHistory(history);
    for (const { check } of violations) noticed.add(check);
    if (violations.length > 0) assert.match(pictureOf(history, violations), /c\d/);
  }
  const all = [...noticed].join(', ');
  for (const check of checks) assert.ok(noticed.has(check), `${check} is not in ${all}`);
}

function isWrite({ method }: Request): boolean {
  return method !== 'GET';
}

function problem(status: number, code: string): Answer {
  return { status, headers: {}, body: JSON.stringify({ code }) };
}

/** Requests arrive without one of their headers. */
function without(header: string): Faults {
  return { around: (serve) => (request) => serve(stripped(request, header)) };
}

function stripped(request: Request, header: string): Request {
  const { [header]: _, ...headers } = request.headers;
  return { ...request, headers };
}

test('a node that forgets idempotency keys is noticed', async () => {
  await isNoticed(without('idempotency-key'), 'exactly once');
});

test('a node that does not look at If-Match is noticed', async () => {
  await isNoticed(without('if-match'), 'linearizable');
});

function fromOldReads(serve: Serve, random: () => number): Serve {
  const answers = new Map<string, Answer>();
  return async (request) => {
    if (isWrite(request)) return serve(request);
    const old = answers.get(request.target);
    if (old !== undefined && random() < 0.5) return old;
    const answer = await serve(request);
    if (answer.status === 200) answers.set(request.target, answer);
    return answer;
  };
}

test('a node that answers from old reads is noticed', async () => {
  await isNoticed({ around: fromOldReads }, 'linearizable', 'index order', 'sessions');
});

function denying(serve: Serve, random: () => number): Serve {
  return async (request) => {
    const answer = await serve(request);
    return isWrite(request) && random() < 0.05 ? problem(503, 'unavailable') : answer;
  };
}

test('a node that writes what it says it did not is noticed', async () => {
  await isNoticed({ around: denying }, 'exactly once', 'linearizable');
});

function repeating(serve: Serve, random: () => number): Serve {
  const sent: Request[] = [];
  return async (request) => {
    if (isWrite(request)) sent.push(stripped(request, 'idempotency-key'));
    const again = random() < 0.1 ? sent[Math.floor(random() * sent.length)] : undefined;
    if (again !== undefined) await serve(again);
    return serve(request);
  };
}

test('a node that does a write again some time later is noticed', async () => {
  await isNoticed({ around: repeating }, 'exactly once', 'linearizable', 'index order');
});

function failing(serve: Serve, random: () => number): Serve {
  return (request) =>
    random() < 0.01 ? Promise.resolve(problem(500, 'internal')) : serve(request);
}

test('a node that fails to answer is noticed', async () => {
  await isNoticed({ around: failing }, 'answers');
});

function withoutFirstRows(state: FinalState): FinalState {
  const models = new Map<string, ReadonlyMap<string, HeldRow>>();
  for (const [name, rows] of state.models) models.set(name, new Map([...rows].slice(1)));
  return { ...state, models };
}

test('a node that loses a row in the end is noticed', async () => {
  await isNoticed({ atEnd: withoutFirstRows }, 'durable');
});
