import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { listing, NAMES, name } from './testing/leak-listing.ts';
import {
  expressedValue,
  firstCode,
  type Lives,
  lastBreath,
  level,
  lives,
  livingFields,
  livingModel,
  livingValues,
} from './testing/leak-lives.ts';
import { FILLER, notesOf } from './testing/leak-models.ts';
import { asLines, behind, get, LINES, type Request, told } from './testing/leak-requests.ts';
import { type Answer, type ServedApi, serveApi } from './testing/served-api.ts';

// Two worlds that differ in nothing that a caller may read answer that caller the same bytes:
// random models, rights, rows and requests, the values of hidden fields and rows replaced, hidden
// rows under other ids, or not there at all. What `docs/model.md` names as telling is left out: ids that are
// taken, and writes of fields that the writer may not read (states excepted: those are refused).

const RUNS = Number(process.env['LEAK_RUNS'] ?? 40);

const CALLERS = { ann: ['North'], clerk: ['Clerk', 'North'], admin: ['Admin'] } as const;
type Who = keyof typeof CALLERS | null;
const keyOf = (who: string) => apiKeyOf(Buffer.alloc(32, who));
const AUTH = {
  mode: 'tokens',
  apiKeys: {
    keys: Object.entries(CALLERS).map(([name, roles]) => ({
      name,
      sha256: apiKeyHash(keyOf(name)),
      roles,
    })),
  },
};

const PATH = '/api/rows';
const OWNERS = ['ann', 'clerk', 'bob', 'North'] as const;
const STRANGERS = ['bob', 'carl', 'dora'] as const;

interface Field {
  readonly type: 'string' | 'integer' | 'decimal';
  readonly index: 'none' | 'hash' | 'ordered' | 'bloom';
  readonly read: readonly string[] | null;
  readonly locked: boolean;
  readonly isAudited: boolean;
}

/** A field that is computed of others, and one that is computed of it. */
interface Computed {
  readonly of: readonly number[];
  readonly index: Field['index'];
  readonly isClosed: boolean;
}

interface Plan {
  readonly who: Who;
  readonly fields: readonly Field[];
  readonly rights: Readonly<Record<'read' | 'update' | 'delete', readonly string[]>>;
  /** Who may read the past; null: who may read. */
  readonly past: readonly string[] | null;
  readonly isPublicIf: boolean;
  readonly isByTeam: boolean;
  readonly ownerIndex: Field['index'];
  readonly isAudited: boolean;
  readonly computed: Computed;
  readonly lives: Lives;
  /** Who may read which row a note refers to; null: everybody. */
  readonly noteRead: readonly string[] | null;
  readonly rows: readonly Row[];
  readonly requests: readonly Request[];
}

interface Row {
  readonly owner: string;
  /** Who owned it when it was created; null: the same. */
  readonly wasOwner: string | null;
  readonly status: 'draft' | 'live';
  /** As it was created, before it became what it is. */
  readonly was: 'draft' | 'live';
  readonly values: readonly number[];
  readonly before: readonly number[];
  /** What hidden values are in the other world. */
  readonly other: readonly number[];
  readonly otherOwner: string;
  /** Whether it is deleted in the end, and can be restored. */
  readonly isGone: boolean;
  /** A note that everybody may read refers to it: it is under its id in both worlds. */
  readonly isNoted: boolean;
}

const index = fc.constantFrom('none', 'hash', 'ordered', 'bloom');
const small = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 3, maxLength: 3 });
const granted = fc.subarray(['Owner', 'Clerk', 'Public', 'Authenticated']);
const status = fc.constantFrom('draft', 'live');

const rows = fc.array(
  fc.record({
    owner: fc.constantFrom(...OWNERS),
    wasOwner: fc.option(fc.constantFrom(...OWNERS), { nil: null, freq: 3 }),
    status,
    was: status,
    values: small,
    before: small,
    other: small,
    otherOwner: fc.constantFrom(...STRANGERS),
    isGone: fc.boolean(),
    isNoted: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

const gone = listing.map((request): Request => ({ ...request, path: `/_deleted${request.path}` }));
const rowPath = fc.integer({ min: 0, max: 12 }).map((at) => `/r${at}`);
const below = fc.constantFrom(
  '',
  '/history',
  '/events',
  '/history?limit=1',
  '?version=1',
  '?version=2',
  '?version=9',
  '?at=2000-01-01T00:00:00Z',
  '?fields=a,b',
  '?fields=c',
);
const reading = fc
  .tuple(rowPath, below)
  .map(([path, rest]): Request => ({ method: 'GET', path: `${path}${rest}`, options: {} }));
const version = fc.constantFrom({}, { 'if-match': '"1.x"' }, { 'if-match': '"2.x"' });
/** The rule of the model is broken by this one, whatever the row has. */
const BROKEN_REV = 5;
const body = fc.record(
  {
    rev: fc.integer({ min: 3, max: BROKEN_REV }),
    status,
    a: fc.constantFrom('1', 1, null),
    phase: fc.constantFrom('p0', 'p1', 'p2'),
  },
  { requiredKeys: ['rev'] },
);
const writing = fc.tuple(fc.constantFrom('PATCH', 'PUT', 'DELETE'), rowPath, body, version).map(
  ([method, path, changed, headers]): Request => ({
    method,
    path,
    options: { ...(method !== 'DELETE' && { body: changed }), headers },
  }),
);
const ofGone = fc
  .tuple(rowPath, fc.constantFrom('GET', 'POST', 'DELETE'), fc.constantFrom('a,b', 'c', 'id,owner'))
  .map(([path, method, shown]): Request => {
    const end = { GET: `?fields=${shown}`, POST: '/restore', DELETE: '' }[method];
    return { method, path: `/_deleted${path}${end}`, options: {} };
  });
const testing = fc.tuple(rowPath, name, fc.integer({ min: 0, max: 4 })).map(
  ([path, field, value]): Request => ({
    method: 'PATCH',
    path,
    options: {
      body: [{ op: 'test', path: `/${field}`, value }],
      headers: { 'content-type': 'application/json-patch+json' },
    },
  }),
);

const NOTED = 'expand=row fields=id,text limit=2 sort=-text row=r1 row[null]=true'.split(' ');

/** Notes with the rows that they refer to beside them, all of them or those below a row. */
const noted = fc
  .tuple(
    fc.oneof(
      fc.constant('/api/notes'),
      rowPath.map((path) => `${PATH}${path}/notes`),
    ),
    fc.subarray(NOTED),
    fc.boolean(),
  )
  .map(([path, query, isLines]): Request => {
    const headers = isLines ? LINES : {};
    return { method: 'GET', path: `${path}?${query.join('&')}`, options: { headers } };
  });

const plans: fc.Arbitrary<Plan> = fc.record({
  who: fc.constantFrom(null, 'ann', 'clerk'),
  fields: fc.array(
    fc.record({
      type: fc.constantFrom('string', 'integer', 'decimal'),
      index,
      read: fc.option(fc.subarray(['Clerk', 'Authenticated', 'Owner']), { nil: null }),
      locked: fc.boolean(),
      isAudited: fc.boolean(),
    }),
    { minLength: 3, maxLength: 3 },
  ),
  rights: fc.record({ read: granted, update: granted, delete: granted }),
  past: fc.option(fc.subarray(['Owner', 'Clerk', 'Authenticated']), { nil: null }),
  isPublicIf: fc.boolean(),
  isByTeam: fc.boolean(),
  ownerIndex: index,
  isAudited: fc.boolean(),
  computed: fc.record({
    of: fc.subarray([0, 1, 2], { minLength: 1 }),
    index,
    isClosed: fc.boolean(),
  }),
  lives,
  noteRead: fc.option(fc.constant(['Clerk']), { nil: null }),
  rows,
  requests: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: listing },
      { weight: 2, arbitrary: listing.map(asLines) },
      { weight: 3, arbitrary: noted },
      { weight: 3, arbitrary: reading },
      { weight: 1, arbitrary: writing },
      { weight: 2, arbitrary: gone },
      { weight: 2, arbitrary: ofGone },
      { weight: 1, arbitrary: testing },
    ),
    { minLength: 10, maxLength: 30 },
  ),
});

const RULE_OF_B = 'it is not as b says';

function withAdmin(roles: readonly string[]): string[] {
  return [...roles, 'Admin'];
}

function modelOf(plan: Plan) {
  const asked = NAMES.findIndex((one) => one === plan.lives.partial);
  const living = livingModel(plan.lives, expressedValue(plan.fields[asked]));
  const { read, update, delete: deletes } = plan.rights;
  const names = [
    read,
    update,
    deletes,
    plan.past ?? [],
    ...plan.fields.map((field) => field.read ?? []),
  ];
  return {
    name: 'Row',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'owner', type: 'string', index: plan.ownerIndex },
      { name: 'status', type: 'enum', values: ['draft', 'live'], index: 'hash' },
      { name: 'rev', type: 'integer' },
      ...plan.fields.map((field, at) => ({
        name: NAMES[at],
        type: field.type,
        index: field.index,
        ...(field.isAudited && { audited: true }),
        permissions: {
          ...(field.read !== null && { read: withAdmin(field.read) }),
          // Nobody writes what they may not read: a write of what is there already tells.
          write: withAdmin(field.locked ? [] : (field.read ?? ['Public'])),
        },
      })),
      ...computedFields(plan),
      ...livingFields(plan.lives),
    ],
    permissions: {
      create: ['Admin'],
      read: withAdmin(read),
      update: withAdmin(update),
      delete: withAdmin(deletes),
      ...(plan.past !== null && { history: withAdmin(plan.past) }),
      ...(names.some((roles) => roles.includes('Owner')) && { owner: 'owner' }),
      ...(plan.isPublicIf && { publicIf: 'self.status == "live"' }),
      ...(plan.isByTeam && {
        rows: [
          {
            roles: ['Clerk'],
            operations: ['read', 'update'],
            using: 'self.owner in actor.roles && has(self.status)',
          },
        ],
      }),
    },
    ...living,
    rules: [
      {
        expr: `self.rev != ${BROKEN_REV} || (has(self.b) && !has(self.b))`,
        message: RULE_OF_B,
      },
    ],
    lifecycle: { versioned: 5, audited: plan.isAudited, ...living.lifecycle },
  };
}

/** Readable for who reads all that they are computed of. */
function computedFields({ fields, computed }: Plan) {
  const tests = computed.of.map((at) => {
    return `self.${NAMES[at]} == ${expressedValue(fields[at])}`;
  });
  return [
    {
      name: 'e',
      type: 'string',
      index: computed.index,
      computed: 'self.d ? "v1" : "v2"',
      ...(computed.isClosed && { permissions: { read: ['Admin'] } }),
    },
    { name: 'd', type: 'boolean', index: 'hash', computed: tests.join(' || ') },
  ];
}

function rolesOf(who: Who): readonly string[] {
  return who === null ? ['Public'] : ['Public', 'Authenticated', ...CALLERS[who]];
}

/** What the declared rights say, in words of its own. */
function mayRead({ who, rights, isPublicIf, isByTeam }: Plan, owner: string, state: string) {
  const roles = rolesOf(who);
  if (rights.read.some((role) => roles.includes(role))) return true;
  if (rights.read.includes('Owner') && who !== null && owner === who) return true;
  if (isPublicIf && state === 'live') return true;
  return isByTeam && roles.includes('Clerk') && roles.includes(owner);
}

function mayReadPast({ who, past }: Plan, owners: readonly string[]): boolean {
  const roles = rolesOf(who);
  if (past === null || past.some((role) => roles.includes(role))) return true;
  return past.includes('Owner') && owners.every((owner) => owner === who);
}

function mayReadSome({ who, rights, isPublicIf, isByTeam }: Plan): boolean {
  const roles = rolesOf(who);
  const isOwner = rights.read.includes('Owner') && who !== null;
  const isTeam = isByTeam && roles.includes('Clerk');
  return rights.read.some((role) => roles.includes(role)) || isOwner || isPublicIf || isTeam;
}

function valueOf(field: Field, value: number): string | number {
  if (field.type === 'integer') return value;
  return field.type === 'decimal' ? `${value}.5` : `v${value}`;
}

/** The values of a row, with those that the caller may not read taken from the other world. */
function valuesIn(
  plan: Plan,
  values: readonly number[],
  other: readonly number[] | null,
  { isHidden, isOwn }: { isHidden: boolean; isOwn: boolean },
) {
  const roles = [...rolesOf(plan.who), ...(isOwn ? ['Owner'] : [])];
  return Object.fromEntries(
    plan.fields.map((field, at) => {
      const isRead = field.read === null || field.read.some((role) => roles.includes(role));
      const isOther = other !== null && (isHidden || !isRead);
      const value = (isOther ? other : values)[at] ?? 0;
      return [NAMES[at] ?? '', valueOf(field, value)];
    }),
  );
}

/** What is referred to cannot be deleted. */
function hasNote({ isNoted, isGone }: Row): boolean {
  return isNoted && !isGone;
}

/** Which row a note refers to is another where the caller may not read that. */
function noteIn(plan: Plan, at: number, isOther: boolean) {
  return { id: `n${at}`, text: `t${at % 3}`, row: isOther && !readsNotes(plan) ? null : `r${at}` };
}

function readsNotes({ who, noteRead }: Plan): boolean {
  return noteRead === null || noteRead.some((role) => rolesOf(who).includes(role));
}

/** How a row comes to be in one of the worlds. */
function writesOf(plan: Plan, row: Row, at: number, isOther: boolean) {
  const { owner, values, before } = row;
  const isHidden = !mayRead(plan, owner, row.status);
  const isOwn = plan.who === owner;
  const ownerThen = row.wasOwner ?? owner;
  const isMoved = isOther && isHidden && mayReadSome(plan) && !hasNote(row);
  const id = isMoved ? `other${at}` : `r${at}`;
  if (isMoved && row.otherOwner === 'dora') {
    return { path: '/api/fillers', id, first: { rev: 1 }, last: { rev: 2 } };
  }
  const now = { isHidden, isOwn };
  const then = {
    isHidden:
      isHidden || !mayRead(plan, ownerThen, row.was) || !mayReadPast(plan, [owner, ownerThen]),
    isOwn: isOwn && plan.who === ownerThen,
  };
  const first = {
    rev: 1,
    status: row.was,
    ...partOf(plan, row, isOther, then, ownerThen, before),
    ...livingPart(plan, row, at, { isOther, isHidden: then.isHidden }, 'first'),
  };
  const last = {
    rev: 2,
    status: row.status,
    ...partOf(plan, row, isOther, now, owner, values),
    ...livingPart(plan, row, at, { isOther, isHidden }, 'last'),
  };
  return { path: PATH, id, first, last };
}

function livingPart(
  plan: Plan,
  row: Row,
  at: number,
  seen: { readonly isOther: boolean; readonly isHidden: boolean },
  when: 'first' | 'last',
) {
  const [own = 0] = row.values;
  const [other = 0] = row.other;
  const whose = { ...seen, roles: rolesOf(plan.who) };
  return when === 'first'
    ? firstCode(plan.lives, at, other, whose)
    : livingValues(plan.lives, at, [own, other], whose);
}

/** What of a row may be another in the other world. */
function partOf(
  plan: Plan,
  { other, otherOwner }: Row,
  isOther: boolean,
  whose: { isHidden: boolean; isOwn: boolean },
  owner: string,
  values: readonly number[],
) {
  return {
    owner: isOther && whose.isHidden ? otherOwner : owner,
    ...valuesIn(plan, values, isOther ? other : null, whose),
  };
}

async function worldOf(plan: Plan, isOther: boolean): Promise<ServedApi> {
  const onDelete = plan.lives.ends === null ? 'restrict' : 'setNull';
  const api = await serveApi([modelOf(plan), FILLER, notesOf(plan.noteRead, onDelete)], {}, AUTH);
  const headers = { authorization: `Bearer ${keyOf('admin')}` };
  for (const [at, row] of plan.rows.entries()) {
    const { path, id, first, last } = writesOf(plan, row, at, isOther);
    const made = await api.send('POST', path, { body: { id, ...first }, headers });
    assert.equal(made.status, 201, made.text);
    const changed = await api.send('PATCH', `${path}/${id}`, { body: last, headers });
    assert.equal(changed.status, 200, changed.text);
    if (hasNote(row)) {
      const note = await api.send('POST', '/api/notes', {
        body: noteIn(plan, at, isOther),
        headers,
      });
      assert.equal(note.status, 201, note.text);
    }
    if (!row.isGone) continue;
    const gone = await api.send('DELETE', `${path}/${id}`, { headers });
    assert.equal(gone.status, 204, gone.text);
  }
  for (const [at, row] of plan.rows.entries()) {
    const body = mayEnd(plan, row) ? lastBreath(plan.lives, isOther) : null;
    const { path, id } = writesOf(plan, row, at, isOther);
    if (body === null || path !== PATH) continue;
    const ended = await api.send('PATCH', `${path}/${id}`, { body, headers });
    assert.equal(ended.status, 200, ended.text);
  }
  return api;
}

/** Nobody may know of it, and nothing refers to it. */
function mayEnd(plan: Plan, row: Row): boolean {
  const isLeft = !row.isGone && !hasNote(row) && row.otherOwner !== 'dora';
  return isLeft && !mayRead(plan, row.owner, row.status);
}

async function ask(api: ServedApi, who: Who, { method, path, options }: Request) {
  const key = who === null ? {} : { authorization: `Bearer ${keyOf(who)}` };
  const isWhole = path.startsWith('/openapi') || path.startsWith('/api');
  const url = isWhole ? path : `${PATH}${path}`;
  return api.send(method, url, { ...options, headers: { ...options.headers, ...key } });
}

async function compare(plan: Plan): Promise<void> {
  const worlds = [await worldOf(plan, false), await worldOf(plan, true)] as const;
  try {
    if (plan.lives.ends !== null)
      await level(...worlds, { authorization: `Bearer ${keyOf('admin')}` });
    const own = plan.rows.map((row, at): [Row, Request] => [
      row,
      { method: 'GET', path: `/r${at}`, options: {} },
    ]);
    for (const [row, request] of own) {
      const { status: code } = await ask(worlds[0], plan.who, request);
      const isSeen = !row.isGone && mayRead(plan, row.owner, row.status);
      assert.equal(code === 200, isSeen, `${request.path}: ${code}`);
    }
    const all = [...STANDING, ...plan.rows.flatMap((_, at) => ofEach(`/r${at}`)), ...plan.requests];
    const requests = all.filter((request) => isFair(plan, request));
    for (const request of requests) {
      for (let next: Request | null = request; next !== null; ) {
        const one: Answer = await ask(worlds[0], plan.who, next);
        const other: Answer = await ask(worlds[1], plan.who, next);
        assert.equal(told(other), told(one), `${next.method} ${next.path}`);
        assert.ok(one.status < 500, one.text);
        namesNothing(plan, one);
        next = behind(next, one);
      }
    }
  } finally {
    await Promise.all(worlds.map((world) => world.close()));
  }
}

/** An error names no field that the caller knows nothing of, and no rule of one. */
function namesNothing({ who, fields }: Plan, { json }: Answer): void {
  // Of what the body says itself, the caller spoke first.
  if (!Array.isArray(json['errors']) || json['code'] === 'invalid') return;
  const roles = [...rolesOf(who), ...(who === null ? [] : ['Owner'])];
  for (const [at, { read }] of fields.entries()) {
    if (read === null || read.some((role) => roles.includes(role))) continue;
    const said = json['errors'].map(({ pointer, message }) => `${pointer} ${message}`);
    const texts = [String(json['detail']), ...said];
    const isNamed = (text: string) => text.startsWith(`/${NAMES[at]} `);
    assert.ok(!texts.some(isNamed), JSON.stringify(json));
    if (NAMES[at] === 'b') assert.ok(!texts.some((text) => text.includes(RULE_OF_B)));
  }
}

/** Asked in every world, for every row. */
const STANDING = [
  get('/openapi.json'),
  get('/_deleted?count=true'),
  get('?count=true'),
  get('?count=true&sort=-a'),
  get('/api/notes?expand=row&count=true'),
  asLines(get('')),
  asLines(get('/api/notes?expand=row')),
];

function ofEach(path: string): Request[] {
  const patches = [{ rev: BROKEN_REV }, { phase: 'p1' }, { phase: 'p0' }, { rev: 7 }].map(
    (changed) => ({ method: 'PATCH', path, options: { body: changed } }),
  );
  const below = get(`${PATH}${path}/notes?expand=row&count=true`);
  return [
    get(`${path}/history`),
    get(`${path}/events`),
    below,
    asLines(below),
    ...patches,
    get(path),
  ];
}

/**
 * Who may read nothing and writes is told whether something is there: that is no secret to them. Nor
 * is it that a row cannot be deleted because another refers to it.
 */
function isFair(plan: Plan, { method, path }: Request): boolean {
  if (method === 'GET') return true;
  const isHeld = plan.rows.some((row, at) => hasNote(row) && path === `/r${at}`);
  if (method === 'DELETE' && isHeld && !readsNotes(plan)) return false;
  return mayReadSome(plan);
}

test('what a caller may not read changes no byte of what they are answered', async () => {
  await fc.assert(fc.asyncProperty(plans, compare), { numRuns: RUNS, includeErrorInReport: true });
});
