import assert from 'node:assert/strict';
import {
  apply,
  conditionOf,
  events,
  exampleModel,
  get,
  list,
  scenario,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

scenario('a storage class that does not exist is named, and can be put right', async (scenario) => {
  const { namespace, say } = scenario;
  const storage = { size: '256Mi', className: 'does-not-exist' };
  apply(namespace, exampleModel('shop', { cluster: { voters: 1, storage } }));
  const ready = await waitFor('the condition', () => {
    const found = conditionOf(get(namespace, 'lithairmodel', 'shop'), 'Ready');
    return found.startsWith('False StorageClassMissing') ? found : null;
  });
  say(`Ready ${ready}`);
  assert.match(ready, /does-not-exist/);
  assert.equal(text(get(namespace, 'lithairmodel', 'shop'), 'status.phase'), 'Pending');
  await waitFor('the Event', () =>
    events(namespace, 'shop').some((event) => event.startsWith('Warning StorageClassMissing')),
  );
  assert.deepEqual(list(namespace, 'statefulsets,pods,pvc'), []);
  apply(namespace, exampleModel('shop', { cluster: { voters: 1, storage: { size: '256Mi' } } }));
  await waitReady(namespace, 'shop');
  say('with the default class the same resource became Ready');
});
