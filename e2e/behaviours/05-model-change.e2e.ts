import assert from 'node:assert/strict';
import {
  apply,
  applyModel,
  ClientPod,
  conditionOf,
  events,
  exampleModel,
  get,
  type Manifest,
  podIdentities,
  scenario,
  seconds,
  text,
  waitFor,
} from '../cluster/index.ts';

const ID = { name: 'id', type: 'uuid', primaryKey: true };
const NAME = { name: 'name', type: 'string', required: true, maxLength: 200 };
const PRICE = { name: 'price', type: 'decimal', minimum: 0, index: 'ordered' };
const COLOUR = { name: 'colour', type: 'string', maxLength: 20, nullable: true };

function shopWith(...fields: readonly object[]): Manifest {
  return exampleModel('shop', { models: [{ name: 'Product', fields }] });
}

scenario('an additive model reaches the running cluster with no restart', async (scenario) => {
  const { namespace, say } = scenario;
  await applyModel(namespace, shopWith(ID, NAME, PRICE));
  const client = new ClientPod(namespace);
  await client.start();
  const products = `http://shop.${namespace}.svc/api/products`;
  const before = podIdentities(namespace, 'shop');
  const early = client.request('POST', products, { name: 'Lamp', colour: 'red' });
  assert.equal(early.status, 400, 'colour is not a field yet');
  const startedMs = performance.now();
  apply(namespace, shopWith(ID, NAME, PRICE, COLOUR));
  await waitFor('schema version 2', () => schemaVersion(namespace) === '2');
  say(`applied a field; schema version 2 after ${seconds(performance.now() - startedMs)}`);
  const created = client.request('POST', products, { name: 'Lamp', colour: 'red' });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  assert.match(events(namespace, 'shop').join('\n'), /Normal ModelApplied/);

  apply(namespace, shopWith(ID, NAME, { ...PRICE, type: 'integer' }, COLOUR));
  const refused = await waitFor('the refusal', () => {
    const condition = conditionOf(get(namespace, 'lithairmodel', 'shop'), 'SchemaApplied');
    return condition.startsWith('False Refused') ? condition : null;
  });
  say(`a breaking change: SchemaApplied ${refused}`);
  assert.match(refused, /price/);
  assert.match(events(namespace, 'shop').join('\n'), /Warning ModelRefused/);
  assert.equal(schemaVersion(namespace), '2');
  const decimal = client.request('POST', products, { name: 'Shade', price: '0.10' });
  assert.equal(decimal.status, 201, 'the old schema keeps serving');
  assert.match(conditionOf(get(namespace, 'lithairmodel', 'shop'), 'Ready'), /^True/);

  apply(namespace, shopWith(ID, NAME, PRICE, COLOUR));
  await waitFor('the way back', () =>
    conditionOf(get(namespace, 'lithairmodel', 'shop'), 'SchemaApplied').startsWith('True'),
  );
  assert.deepEqual(podIdentities(namespace, 'shop'), before);
  say('back to what is in force: SchemaApplied is True, and no pod was restarted');
});

function schemaVersion(namespace: string): string {
  return text(get(namespace, 'lithairmodel', 'shop'), 'status.schemaVersion');
}
