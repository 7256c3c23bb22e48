// Rows that go by themselves: on either side of the moment when they do.
import { durationMs, type FieldSchema } from '@lithair/crds';
import { type Bench, expectStatus, type ModelTest, NotDerived, testOf } from './model-test.ts';

const SECOND_MS = 1_000;
/** How far from its end a row is that must still be there: as long as a slow machine may take. */
const SPARE_MS = 60 * SECOND_MS;

export function expiryTests(bench: Bench): ModelTest[] {
  const { model } = bench;
  const ttl = model.lifecycle?.ttl;
  const field = model.fields.find(({ name }) => name === ttl?.field);
  if (ttl === undefined || field === undefined) return [];
  const { after } = ttl;
  const lasts = after === undefined ? 0 : durationMs(after);
  const when = after === undefined ? field.name : `${after} after ${field.name}`;
  return [
    testOf(model, `ttl: a row is not there ${when}`, async () => {
      const { node, rows } = bench;
      const past = timeOf(field, Date.now() - lasts - SECOND_MS);
      const { path } = await rows.create(model, { [field.name]: past });
      expectStatus(await node.send('GET', path), 404);
    }),
    testOf(model, `ttl: a row is there until ${when}`, async () => {
      const { node, rows } = bench;
      const given = timeOf(field, Date.now() - lasts + SPARE_MS);
      const { path } = await rows.create(model, { [field.name]: given });
      expectStatus(await node.send('GET', path), 200);
    }),
  ];
}

function timeOf(field: FieldSchema, timeMs: number): string {
  const isSent = field.computed === undefined && field.hidden !== true;
  if (isSent && timeMs >= FIRST_MS) return new Date(timeMs).toISOString();
  throw new NotDerived(isSent ? 'the time is before the year 1' : `${field.name} is not sent`);
}

/** The first moment of year 1. */
const FIRST_MS = -62_135_596_800_000;
