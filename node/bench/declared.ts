import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type Figure, verdict } from './figures.ts';
import { startLithair } from './lithair.ts';
import type { BenchPlan } from './main.ts';
import { productBody } from './product.ts';
import { medianOfEach, medianRatio, type Watched, watchedRounds } from './rounds.ts';

const SERVER_CPU = 0;
const LOAD_CPU = 1;
const PLAIN_PORT = 18087;
const DECLARED_PORT = 18088;
const KEY = apiKeyOf(Buffer.alloc(32, 'bench'));
/** At most a quarter more time for each. */
const LEAST_RATIO = 0.8;
const MOST_TIME = 1.25;

/**
 * What permissions, validation and indexes cost a durable POST: beside one of a model that declares
 * nothing but its fields, at 64 connections, in rounds that alternate. Rules and rights on rows come
 * on top of them.
 */
export async function measureDeclared(plan: BenchPlan): Promise<string[]> {
  const plain = await startLithair(
    join(plan.directory, 'plain'),
    PLAIN_PORT,
    SERVER_CPU,
    1,
    join(import.meta.dirname, 'plain.yaml'),
  );
  const declared = await startLithair(
    join(plan.directory, 'declared'),
    DECLARED_PORT,
    SERVER_CPU,
    1,
    await declaredModel(plan.directory),
  );
  try {
    const { rates, microseconds } = await watchedRounds(
      plan,
      targets(plain.pid, declared.pid),
      LOAD_CPU,
    );
    return lines(rates, microseconds);
  } finally {
    await Promise.all([plain.stop(), declared.stop()]);
  }
}

/** The model with the hash of the key that the benchmark sends. */
async function declaredModel(directory: string): Promise<string> {
  const text = await readFile(join(import.meta.dirname, 'declared.yaml'), 'utf8');
  const path = join(directory, 'declared.yaml');
  await writeFile(path, text.replaceAll('KEY_HASH', apiKeyHash(KEY)));
  return path;
}

function targets(plainPid: number, declaredPid: number): Watched[] {
  const body = productBody(7);
  const at = `http://127.0.0.1:${DECLARED_PORT}/api`;
  const url = `http://127.0.0.1:${PLAIN_PORT}/api/plain`;
  return [
    { request: { url, method: 'POST', body }, pid: plainPid },
    ...['checked', 'ruled', 'owned'].map(
      (path): Watched => ({
        request: { url: `${at}/${path}`, method: 'POST', body, apiKey: KEY },
        pid: declaredPid,
      }),
    ),
  ];
}

const NAMES = [
  'plain POST',
  'permissions, validation, two indexes',
  'the same and two rules',
  'the same and rights on rows',
];

function lines(
  rates: readonly (readonly number[])[],
  microseconds: readonly (readonly number[])[],
): string[] {
  const [medians, times] = [medianOfEach(rates), medianOfEach(microseconds)];
  const shown = NAMES.map((name, at): Figure => {
    const ratio = `${medianRatio(rates, at).toFixed(2)} of plain`;
    return {
      name: `${name}: ${ratio}, ${times[at]?.toFixed(0)} µs of processor time each`,
      value: medians[at] ?? Number.NaN,
      unit: '/s',
      target: null,
    };
  });
  const aims: Figure[] = [
    {
      name: 'permissions, validation, two indexes: requests, ratio',
      value: medianRatio(rates, 1),
      unit: 'ratio',
      target: { least: LEAST_RATIO },
    },
    {
      name: 'permissions, validation, two indexes: processor time, ratio',
      value: medianRatio(microseconds, 1),
      unit: 'ratio',
      target: { most: MOST_TIME },
    },
  ];
  return [...shown, ...aims].map(verdict);
}
