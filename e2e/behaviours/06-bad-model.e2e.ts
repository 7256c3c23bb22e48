import assert from 'node:assert/strict';
import {
  apply,
  applyModel,
  ClientPod,
  conditionOf,
  events,
  exampleModel,
  get,
  list,
  type Manifest,
  patch,
  podIdentities,
  scenario,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

const BAD_MODELS = [
  {
    name: 'Product',
    fields: [
      { name: 'id', type: 'uuid', primaryKey: true },
      { name: 'brand', type: 'reference', to: 'Nothing' },
    ],
  },
];

const ROWS: readonly [string, Manifest, RegExp][] = [
  [
    'a reference to no model',
    exampleModel('shop', { models: BAD_MODELS }),
    /^False InvalidModel: .*spec\.models\[0\]\.fields\[1\]\.to/,
  ],
  [
    'an unknown attribute',
    exampleModel('shop', { colour: 'red' }),
    /^False InvalidModel: .*spec\.colour/,
  ],
  [
    'an attribute that is not supported yet',
    exampleModel('shop', { projections: [{ name: 'Sales' }] }),
    /^False InvalidModel: .*spec\.projections.*not supported yet/,
  ],
  ['nobody said who may call', exampleModel('shop', { auth: null }), /^False AuthNotDeclared: /],
];

for (const [name, model, expected] of ROWS) {
  scenario(`a model that cannot be followed says why: ${name}`, async ({ namespace, say }) => {
    apply(namespace, model);
    const ready = await waitFor('the condition', () => {
      const found = conditionOf(get(namespace, 'lithairmodel', 'shop'), 'Ready');
      return found === 'absent' ? null : found;
    });
    say(`Ready ${ready}`);
    assert.match(ready, expected);
    await waitFor('the Event', () =>
      events(namespace, 'shop').some((event) => event.startsWith('Warning')),
    );
    assert.deepEqual(list(namespace, 'pods,statefulsets,services,pvc'), []);
  });
}

scenario('a running cluster goes on serving when its model becomes invalid', async (scenario) => {
  const { namespace, say } = scenario;
  await applyModel(namespace, exampleModel('shop'));
  const client = new ClientPod(namespace);
  await client.start();
  const before = podIdentities(namespace, 'shop');
  patch(namespace, 'lithairmodel', 'shop', { spec: { models: BAD_MODELS } });
  const ready = await waitFor('the condition', () => {
    const found = conditionOf(get(namespace, 'lithairmodel', 'shop'), 'Ready');
    return found.startsWith('False InvalidModel') ? found : null;
  });
  say(`Ready ${ready}`);
  assert.match(conditionOf(get(namespace, 'lithairmodel', 'shop'), 'QuorumAvailable'), /^True/);
  const products = `http://shop.${namespace}.svc/api/products`;
  assert.equal(client.request('POST', products, { name: 'Lamp' }).status, 201);
  apply(namespace, exampleModel('shop'));
  await waitReady(namespace, 'shop');
  assert.deepEqual(podIdentities(namespace, 'shop'), before);
  say('writes went on, and a valid model is Ready again with the same pods');
});

scenario('what cannot be changed yet is refused and named, the rest stays', async (scenario) => {
  const { namespace, say } = scenario;
  const cluster = { voters: 1, storage: { size: '256Mi' } };
  await applyModel(namespace, exampleModel('shop', { cluster }));
  const before = podIdentities(namespace, 'shop');
  apply(namespace, exampleModel('shop', { cluster: { ...cluster, storage: { size: '512Mi' } } }));
  const refused = await waitFor('the condition', () => {
    const found = conditionOf(get(namespace, 'lithairmodel', 'shop'), 'Progressing');
    return found.startsWith('False ChangeNotSupported') ? found : null;
  });
  say(`Progressing ${refused}`);
  assert.match(refused, /spec\.cluster\.storage\.size: resizing volumes is not supported yet/);
  assert.deepEqual(podIdentities(namespace, 'shop'), before);
});
