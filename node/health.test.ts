import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health } from './health.ts';
import type { Clock, LogFields, Logger } from './ports/index.ts';

/** Time goes on as it is told, timers included. */
class SteppedClock implements Clock {
  #ms = 0;
  #timers: { readonly dueMs: number; readonly callback: () => void }[] = [];
  nowMs = (): number => this.#ms;
  monotonicMs = (): number => this.#ms;

  after = (ms: number, callback: () => void): { cancel: () => void } => {
    const timer = { dueMs: this.#ms + ms, callback };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  };

  /** Lets `ms` pass, a second at a time. */
  pass(ms: number): void {
    for (const endMs = this.#ms + ms; this.#ms < endMs; ) {
      this.#ms += 1000;
      const due = this.#timers.filter(({ dueMs }) => dueMs <= this.#ms);
      this.#timers = this.#timers.filter(({ dueMs }) => dueMs > this.#ms);
      for (const { callback } of due) callback();
    }
  }
}

function started() {
  const told: string[] = [];
  const info = (fields: LogFields, message: string): void => {
    const { phase } = fields;
    told.push(`${typeof phase === 'string' ? phase : ''}: ${message}`);
  };
  const logger: Logger = { debug: () => {}, info, warn: () => {}, error: () => {} };
  const clock = new SteppedClock();
  return { health: new Health(logger, clock), clock, told };
}

test('a long phase says how far it is, again and again, until the next one begins', () => {
  const { health, clock, told } = started();
  let entry = 0;
  health.enter('replay', 'applying', () => `entry ${entry} of 9`);
  entry = 4;
  clock.pass(3000);
  entry = 8;
  clock.pass(2000);
  assert.equal(health.detail, 'applying: entry 8 of 9', 'and the probe is told the same');
  health.enter('ready', 'serving');
  clock.pass(10_000);
  assert.deepEqual(told, [
    'replay: applying',
    'replay: applying: entry 4 of 9',
    'replay: applying: entry 8 of 9',
    'ready: serving',
  ]);
});

test('a phase that can say only later how far it is does so from then on', () => {
  const { health, clock, told } = started();
  health.enter('log', 'reading');
  clock.pass(5000);
  health.enter('log', 'reading', () => 'record 7');
  clock.pass(2000);
  assert.deepEqual(told, ['log: reading', 'log: reading: record 7']);
});

test('a short phase says nothing of its progress', () => {
  const { health, clock, told } = started();
  health.enter('indexes', 'building', () => 'never told');
  clock.pass(1000);
  health.enter('http', 'opening');
  clock.pass(5000);
  assert.deepEqual(told, ['indexes: building', 'http: opening']);
});
