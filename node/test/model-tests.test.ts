import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { lithair } from './serve-process.ts';

const EXAMPLES = join(import.meta.dirname, '..', '..', 'docs', 'examples');
const directory = mkdtempSync(join(tmpdir(), 'lithair-model-tests-'));
after(() => rmSync(directory, { recursive: true }));

/** One rule of each kind that the examples do not have. */
const EVERYTHING = `
models:
  - name: Team
    fields:
      - {name: id, type: string, primaryKey: true, template: "T-{sequence:4}"}
      - {name: name, type: string, required: true, unique: true, collation: ci, maxLength: 40}
      - {name: parent, type: reference, to: Team, onDelete: setNull}
      - {name: secret, type: string, hidden: true}
      - {name: lead, type: string, maxLength: 100}
      - {name: pin, type: string, minLength: 4, default: "0000", encrypted: true}
      - {name: budget, type: integer, permissions: {read: [Owner, Chief], write: [Owner, Chief]}}
    permissions: {create: [Chief], read: [Public], update: [Chief, Clerk], delete: [Chief], owner: lead}
    caching: {ttlSeconds: 60}
  - name: Task
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: team, type: reference, to: Team, required: true, onDelete: cascade, inverse: work}
      - {name: title, type: string, required: true, pattern: "^[A-Z][a-z]{2,10}$"}
      - {name: starts, type: integer, required: true, minimum: 1, maximum: 100}
      - {name: ends, type: integer, required: true, minimum: 1, maximum: 100}
      - {name: length, type: integer, computed: "self.ends - self.starts"}
      - {name: owner, type: string, maxLength: 100}
      - {name: state, type: enum, values: [open, done, public], default: open}
      - {name: note, type: string, permissions: {read: [Chief], write: [Chief]}}
    indexes: [{fields: [title, starts], unique: live}]
    rules:
      - {expr: "self.starts <= self.ends", message: It ends before it starts.}
      - {expr: "self.starts >= old.starts", message: It cannot be earlier.}
    permissions:
      create: [Chief, Clerk]
      read: [Chief, Owner]
      update: [Chief]
      delete: [Chief]
      owner: owner
      publicIf: "self.state == 'public'"
    http: {methods: [GET, POST, DELETE]}
    lifecycle: {softDelete: true, versioned: 2}
  - name: Note
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: text, type: string, maxLength: 40}
      - {name: author, type: string, maxLength: 100, defaultFrom: actor}
      - {name: team, type: enum, values: [red, blue], required: true}
      - name: status
        type: enum
        values: [draft, offered, bought, returned]
        states:
          initial: draft
          transitions:
            - {from: [draft], to: offered, when: has(self.text)}
            - {from: [offered], to: bought, roles: [Clerk]}
            - {from: [bought], to: returned, roles: [Chief, Authenticated], when: "self.text != 'none'"}
            - {from: [draft, offered], to: returned, roles: [Chief]}
            - {from: [draft], to: bought, roles: [Owner]}
      - name: stage
        type: enum
        values: [first, last]
        permissions: {read: [Chief]}
        states: {initial: first, transitions: [{from: [first], to: last, roles: [Chief, Clerk]}]}
    permissions:
      create: [Owner, Chief]
      read: [Clerk, Owner, Chief]
      update: [Owner, Chief]
      delete: [Owner]
      owner: author
      rows:
        - {roles: [Clerk], operations: [create, update], using: "self.team == 'red'", check: "self.team == 'red'"}
auth:
  mode: tokens
  apiKeys:
    keys: [{name: ann, roles: [Chief], sha256: "${'0'.repeat(64)}"}]
`;

/** States of which some are far from the first, and rights that depend on them. */
const STATES = `
auth:
  mode: tokens
  apiKeys: {keys: [{name: ann, roles: [Chief], sha256: "${'0'.repeat(64)}"}]}
models:
  - name: Order
    fields:
      - {name: number, type: string, primaryKey: true, template: "ORD-{sequence:4}"}
      - {name: owner, type: string, defaultFrom: actor}
      - {name: team, type: enum, values: [red, blue], required: true}
      - {name: total, type: integer, required: true, minimum: 0, historize: {mode: full}}
      - name: status
        type: enum
        values: [draft, placed, shipped, done, cancelled]
        states:
          initial: draft
          transitions:
            - {from: [draft], to: placed, when: "self.total > 10", event: OrderPlaced}
            - {from: [placed], to: shipped, roles: [Clerk]}
            - {from: [shipped], to: done}
            - {from: [draft, placed], to: cancelled, event: OrderCancelled}
    events: [{type: TotalChanged, when: update, fields: [total]}]
    http: {methods: [GET, POST, PUT, DELETE]}
    permissions:
      create: [Owner, Chief]
      read: [Clerk, Owner, Chief]
      update: [Owner, Chief, Clerk]
      delete: [Owner]
      owner: owner
      publicIf: self.status == "done"
      rows:
        - {roles: [Visitor], operations: [read, update], using: "self.team == 'red'", check: "self.total < 50"}
    lifecycle: {versioned: 5}
`;

const VALUES = `
auth:
  mode: tokens
  apiKeys: {keys: [{name: ann, roles: [Chief], sha256: "${'0'.repeat(64)}"}]}
models:
  - name: Stock
    fields:
      - {name: id, type: string, primaryKey: true, template: "{city}:{sku}"}
      - {name: city, type: string, required: true, immutable: true, maxLength: 40, collation: ci-ai}
      - {name: sku, type: string, required: true, immutable: true, maxLength: 20}
      - {name: units, type: integer, minimum: 0, default: 0}
      - {name: price, type: decimal, required: true, minimum: 0}
      - {name: reduced, type: decimal}
      - {name: big, type: integer, representation: number}
      - {name: pin, type: string, minLength: 4, maxLength: 8, encrypted: true}
      - {name: cost, type: integer, required: true, permissions: {read: [Clerk]}}
      - {name: doubled, type: integer, computed: self.cost * 2}
      - {name: label, type: string, computed: "string(self.cost) + '!'", unique: true}
      - {name: secret, type: string, hidden: true, default: x}
      - {name: lead, type: string, defaultFrom: actor, index: hash, permissions: {write: [Clerk]}}
      - {name: wage, type: integer, permissions: {read: [Owner, Chief], write: [Chief]}}
      - {name: seenAt, type: datetime, defaultFrom: now}
    indexes: [{fields: [sku, units], unique: live, where: self.units > 3}]
    rules:
      - {expr: "!has(self.reduced) || self.reduced < self.price", message: reduced is below price}
      - {expr: "self.price >= old.price || has(self.reduced)", message: a price does not fall unsaid}
    permissions: {create: [Clerk], read: [Public], update: [Clerk, Visitor], delete: [Chief], owner: lead}
    lifecycle: {ttl: {field: seenAt, after: 30d}}
    tracing: {enabled: true}
`;

const NARROW = `
auth: {mode: open}
models:
  - name: One
    fields:
      - {name: id, type: string, primaryKey: true, maxLength: 3, pattern: "^[a-c]+$"}
      - {name: v, type: enum, values: [only], unique: true}
  - name: Tree
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: parent, type: reference, to: Tree, onDelete: cascade, unique: true}
      - {name: share, type: number, minimum: 0.5, maximum: 0.75}
      - {name: empty, type: string, maxLength: 0}
  - name: Trip
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: list, type: array, items: {type: string, maxLength: 5}, maxItems: 4}
      - name: state
        type: enum
        values: [x, y]
        states: {initial: x, transitions: [{from: [x], to: y, when: "size(self.list) > 1 && self.list[0] == 'go'"}]}
    rules: [{expr: "!has(self.list) || self.list.all(x, x != '')", message: no empty}]
`;

function fileOf(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

describe('lithair test', () => {
  for (const name of readdirSync(EXAMPLES).filter((each) => each.endsWith('.yaml'))) {
    it(`derives tests from ${name}, which all pass`, async () => {
      const { code, output } = await lithair('test', join(EXAMPLES, name));
      assert.equal(code, 0, output);
      assert.match(output, /\n\d{2,} passed, 0 failed, 0 not derived, in [\d.]+ s\n/);
    });
  }

  it('tries every kind of rule', async () => {
    const file = fileOf('everything.yaml', EVERYTHING);
    const { code, output } = await lithair('test', file);
    assert.equal(code, 0, output);
    for (const what of [
      'name: unique, compared by ci: refuses a value that is taken',
      'parent: onDelete setNull',
      'team: onDelete cascade',
      'team: /api/teams/{id}/work lists the rows that refer to one',
      'secret: hidden: is neither shown nor taken',
      'rule self.starts <= self.ends: refuses what breaks it',
      'rule self.starts >= old.starts: refuses what breaks it',
      'length: computed self.ends - self.starts',
      '(title, starts): unique: refuses values that are taken together',
      'note: 2 versions kept',
      'softDelete: a deleted row is listed, and comes back',
      'http.methods: PATCH is not taken',
      'caching: what is read may be kept for 60 s',
      'Clerk may create',
      'Public may not create',
      'Public may read some rows, and no others',
      'Authenticated may read some rows, and no others',
      'Clerk may read budget of rows that they own, and no others',
      'Clerk may not write budget of rows of others',
      'Clerk may take status from offered to bought',
      'Chief may not take status from offered to bought',
      'Authenticated may take status of own rows from draft to bought',
      'Clerk may take status of own rows from draft to bought',
      'Clerk may not take status of other rows from draft to bought',
      'Clerk may not take stage from first to last',
      'Chief may take stage from first to last',
      'Authenticated may take status from bought to returned',
      'Chief may take status from draft to returned',
      'Authenticated may not take status from draft to returned',
      ...['Authenticated', 'Clerk'].flatMap((role) => [
        `${role} may create some rows`,
        `${role} may not create others`,
        `${role} may update some rows`,
        `${role} may not update others`,
        `${role} may not leave a row as others alone may`,
        `${role} may delete some rows`,
        `${role} may not delete other rows than some`,
      ]),
    ]) {
      assert.ok(output.includes(`✔ ${what}`), `${what}\n${output}`);
    }
  });

  it('tries what fields say of their past', async () => {
    const fields = [
      '{name: id, type: uuid, primaryKey: true}',
      '{name: price, type: decimal, audited: true}',
      '{name: made, type: datetime, defaultFrom: now, immutable: true, audited: true}',
      '{name: name, type: string, versioned: 3}',
    ];
    const text = `{auth: {mode: open}, models: [{name: A, fields: [${fields.join(', ')}]}]}`;
    const { code, output } = await lithair('test', fileOf('past.yaml', text));
    assert.equal(code, 0, output);
    assert.match(output, /✔ price: audited: events tell who changed it/);
    assert.match(output, /✔ made: audited: events tell who changed it/);
    assert.match(output, /✔ name: 3 versions kept/);
  });

  it('tries what is unique for ever or in part, and models whose writes are answered early or on any node', async () => {
    const text = `
auth: {mode: open}
models:
  - name: Account
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: number, type: string, required: true}
      - {name: label, type: string, computed: "self.number + '!'", unique: true}
    indexes: [{fields: [number], unique: forever}]
  - name: Seat
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: hall, type: string, required: true}
      - {name: place, type: integer, required: true}
      - {name: status, type: enum, values: [closed, open], default: closed}
      - {name: rank, type: integer}
    indexes: [{fields: [hall, place], unique: live, where: self.status == "open" && self.rank >= 3}]
  - name: Reading
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: value, type: number, audited: true}
    events: [{type: Gone, when: delete}]
    persistence: {consistency: eventual}
  - name: Click
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: times, type: integer, versioned: 2}
    persistence: {durability: periodic}
`;
    const { code, output } = await lithair('test', fileOf('lives.yaml', text));
    assert.equal(code, 0, output);
    for (const what of [
      '(number): unique forever: refuses what a deleted row had',
      '(hall, place) where self.status == "open" && self.rank >= 3: unique: refuses',
      '(hall, place) where self.status == "open" && self.rank >= 3: unique: takes them in rows that do',
      'value: audited: events tell who changed it',
      'event Gone: when delete',
      'times: 2 versions kept',
    ]) {
      assert.ok(output.includes(`✔ ${what}`), `${what}\n${output}`);
    }
    assert.match(output, /durability: writes are answered when they are in reads/);
    assert.doesNotMatch(output, /UsedValues|not derived:/);
  });

  it('tries each way between states, what it is called, and ends that no way leaves', async () => {
    const { code, output } = await lithair('test', fileOf('states.yaml', STATES));
    assert.equal(code, 0, output);
    for (const what of [
      'status: states: initial draft: refuses a new row in placed',
      'status: states: takes draft to placed where self.total > 10',
      'status: states: refuses draft to placed unless self.total > 10',
      'status: states: takes shipped to done',
      'status: states: refuses shipped to placed',
      'status: states: refuses done to draft',
      'event OrderPlaced: status from draft to placed',
      'event OrderCancelled: status from placed to cancelled',
      'event TotalChanged: when update of total, and no other change',
      'total: every version is kept',
      'team: 5 versions kept',
      'number: template ORD-{sequence:4}: is what a key is made of',
      'Public may read some rows, and no others',
      'Visitor may not leave a row as others alone may',
      'Chief may update',
    ]) {
      assert.ok(output.includes(`✔ ${what}`), `${what}\n${output}`);
    }
    assert.doesNotMatch(output, /not derived:/);
  });

  it('tries how values are compared and answered, and when rows go', async () => {
    const { code, output } = await lithair('test', fileOf('values.yaml', VALUES));
    assert.equal(code, 0, output);
    for (const what of [
      'id: template {city}:{sku}: is what a key is made of',
      'city: collation ci-ai: finds texts in any case',
      'city: collation ci-ai: finds texts without their accents',
      'big: representation number: has all digits',
      'price: representation string: has all digits',
      'reduced: representation string: has all digits',
      'rule self.price >= old.price || has(self.reduced): refuses what breaks it',
      'pin: encrypted: is answered, and neither filtered nor sorted by',
      'label: unique: refuses a row of which the same value is made',
      '(sku, units) where self.units > 3: unique: takes them in rows that do not count',
      'ttl: a row is not there 30d after seenAt',
      'ttl: a row is there until 30d after seenAt',
      'secret: hidden: who has every role does not see it',
      'Public may not read doubled',
      'Clerk may read doubled',
      'Clerk finds rows by wage among those that they own',
      'Clerk may not write wage',
      'Visitor may not write lead',
    ]) {
      assert.ok(output.includes(`✔ ${what}`), `${what}\n${output}`);
    }
    assert.match(output, /not tried: tracing: no trace is looked at/);
    assert.doesNotMatch(output, /not derived:/);
  });

  it('tries the roles of the transitions of an example', async () => {
    const file = join(EXAMPLES, 'orders.yaml');
    const { output } = await lithair('test', file, '--filter', 'take status');
    assert.match(output, /✔ Clerk may take status from placed to shipped/);
    assert.match(output, /✔ Shop may not take status from shipped to delivered/);
  });

  it('does not fail where its own callers are none that the model expects', async () => {
    const text = `
auth: {mode: tokens, apiKeys: {keys: [{name: a, sha256: "${'0'.repeat(64)}", roles: [Clerk]}]}}
models:
  - name: Mail
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: by, type: string, defaultFrom: actor, format: email}
      - {name: from, type: string, defaultFrom: actor, maxLength: 2, hidden: true}
    permissions: {create: [Clerk], read: [Owner], owner: by}
`;
    const { code, output } = await lithair('test', fileOf('mail.yaml', text));
    assert.equal(code, 0, output);
    assert.match(output, /by: from actor: .*not derived: the subject that tests call as does not/);
    assert.match(output, /✔ by: format email: refuses/);
    assert.match(output, /✔ from: hidden/);
  });

  it('finds rows for models with few values, narrow bounds and conditions on lists', async () => {
    const { code, output } = await lithair('test', fileOf('narrow.yaml', NARROW));
    assert.equal(code, 0, output);
    for (const what of [
      'v: unique: refuses a value that is taken',
      'a row is deleted',
      'parent: unique: refuses a value that is taken',
      'parent: unique: rows are found by it',
      'empty: maxLength 0: refuses "x"',
      "state: states: takes x to y where size(self.list) > 1 && self.list[0] == 'go'",
      "rule !has(self.list) || self.list.all(x, x != ''): refuses what breaks it",
    ]) {
      assert.ok(output.includes(`✔ ${what}`), `${what}\n${output}`);
    }
    assert.doesNotMatch(output, /not derived:/);
  });

  it('says what could not be derived, and counts it as such', async () => {
    const file = fileOf(
      'impossible.yaml',
      `{auth: {mode: open}, models: [
        {name: A, fields: [{name: id, type: uuid, primaryKey: true}, {name: n, type: integer}],
         rules: [{expr: "!has(self.n) || self.n == self.n", message: never}]}]}`,
    );
    const { code, output } = await lithair('test', file, '--json', '--filter', 'rule');
    const told: unknown = JSON.parse(output);
    assert.ok(typeof told === 'object' && told !== null);
    assert.equal(Reflect.get(told, 'notDerived'), 1, output);
    assert.equal(code, 1, 'a run of no test at all is no success');
  });

  it('refuses a file that is no model, in one line', async () => {
    const { code, output } = await lithair('test', fileOf('bad.yaml', 'models: 7'));
    assert.equal(code, 1);
    assert.match(output, /^lithair: .*bad.yaml is not a valid model/);
  });
});
