import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, freePort, freePortFlags, LithairProcess, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');

let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lithair-bad-'));
});
after(() => rm(dir, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(dir, name), text);
  return join(dir, name);
}

/** What a command line must print, in one line on standard error, and the code it must exit with. */
interface Row {
  readonly noun: string;
  readonly words: () => Promise<readonly string[]> | readonly string[];
  readonly code: number;
  readonly says: RegExp;
}

const ROWS: readonly Row[] = [
  { noun: 'an unknown command', words: () => ['frobnicate'], code: 2, says: /unknown command/ },
  {
    noun: 'an unknown option',
    words: () => ['serve', MODEL, '--prot', '1'],
    code: 2,
    says: /--prot/,
  },
  { noun: 'no file', words: () => ['serve'], code: 2, says: /FILE is missing/ },
  {
    noun: 'a port that is none',
    words: () => ['serve', MODEL, '--port', 'x'],
    code: 2,
    says: /--port/,
  },
  {
    noun: 'two nodes',
    words: () => ['serve', MODEL, '--nodes', '2'],
    code: 2,
    says: /1, 3, 5 or 7/,
  },
  {
    noun: 'a member that its own cluster does not name',
    words: () => ['serve', MODEL, '--name', 'n9', '--initial-cluster', 'n1=127.0.0.1:1'],
    code: 2,
    says: /does not name this member, n9/,
  },
  {
    noun: 'a list of members that cannot be read',
    words: () => ['serve', MODEL, '--initial-cluster', '@/nowhere/members'],
    code: 1,
    says: /cannot read \/nowhere\/members/,
  },
  {
    noun: 'an address without a port',
    words: () => ['serve', MODEL, '--address', 'n1.example'],
    code: 2,
    says: /HOST:PORT, not n1\.example/,
  },
  {
    noun: 'a learner that is to found a cluster',
    words: () => ['serve', MODEL, '--role', 'learner'],
    code: 2,
    says: /founds the cluster and votes/,
  },
  {
    noun: 'a role that there is none of',
    words: () => ['serve', MODEL, '--role', 'king'],
    code: 2,
    says: /voter or learner, not king/,
  },
  {
    noun: 'a region that cannot be a name',
    words: () => ['serve', MODEL, '--region', 'EU West'],
    code: 2,
    says: /--region takes .*, not EU West/,
  },
  {
    noun: 'a missing model file',
    words: () => ['serve', join(dir, 'nowhere.yaml')],
    code: 1,
    says: /nowhere\.yaml: no such file/,
  },
  {
    noun: 'invalid YAML',
    words: async () => ['validate', await file('bad.yaml', 'models:\n  - name: [\n')],
    code: 1,
    says: /bad\.yaml:\d+:\d+: /,
  },
  {
    noun: 'an invalid model',
    words: async () => ['validate', await file('model.yaml', INVALID_MODEL)],
    code: 1,
    says: /model\.yaml:6:\d+: .*indx/,
  },
  {
    noun: 'a model without an auth mode on every address',
    words: async () => ['serve', await file('open.yaml', NO_AUTH), '--host', '0.0.0.0'],
    code: 1,
    says: /does not declare spec\.auth\.mode/,
  },
  {
    noun: 'a file that is no log',
    words: async () => ['log', await file('notes.txt', 'hello')],
    code: 3,
    says: /notes\.txt/,
  },
  {
    noun: 'a directory that is no log',
    words: () => ['log', dir],
    code: 3,
    says: /is not a Lithair log/,
  },
  {
    noun: 'a switch for one member beside several nodes',
    words: () => ['serve', MODEL, '--nodes', '3', '--managed'],
    code: 2,
    says: /--managed/,
  },
  {
    noun: 'an invalid model to serve',
    words: async () => ['serve', await file('serve.yaml', INVALID_MODEL)],
    code: 1,
    says: /is not a valid model: .*serve\.yaml:6:\d+: .*indx/,
  },
  {
    noun: 'one node in the directory of a local cluster',
    words: async () => ['serve', MODEL, '--data', await identified('three', 'n1', 'n2', 'n3')],
    code: 3,
    says: /holds a local cluster \(n1, n2, n3\)/,
  },
  {
    noun: 'a local cluster in the directory of one node',
    words: async () => ['serve', MODEL, '--nodes', '3', '--data', await identified('one', '.')],
    code: 3,
    says: /holds one node/,
  },
  {
    noun: 'fewer nodes than a local cluster has',
    words: async () => [
      'serve',
      MODEL,
      '--nodes',
      '3',
      '--data',
      await identified('five', 'n1', 'n2', 'n3', 'n4', 'n5'),
    ],
    code: 3,
    says: /n4, n5/,
  },
  {
    noun: 'data in the place of a file',
    words: async () => ['serve', MODEL, '--data', await file('taken', '')],
    code: 1,
    says: /taken\/certs: a part of the path is no directory/,
  },
  {
    noun: 'data of several nodes in the place of a file',
    words: async () => ['serve', MODEL, '--nodes', '3', '--data', await file('taken', '')],
    code: 1,
    says: /taken\/certs: a part of the path is no directory/,
  },
  {
    noun: 'certificates below a file',
    words: async () => ['certs', join(await file('taken', ''), 'certs')],
    code: 1,
    says: /taken\/certs: a part of the path is no directory/,
  },
  {
    noun: 'an action that there is none of',
    words: () => ['keys', 'rotat'],
    code: 2,
    says: /rotat is none of init, rotate, list, remove \(did you mean "rotate"\?\)/,
  },
  {
    noun: 'rows that are not there for a server that is not there',
    words: async () => ['import', await nobody(), 'Note', join(dir, 'nowhere.ndjson')],
    code: 1,
    says: /cannot read .*nowhere\.ndjson: no such file/,
  },
  {
    noun: 'rows of a format that is none',
    words: async () => ['import', await nobody(), 'Note', await file('notes.txt', 'hello')],
    code: 2,
    says: /the format is told by the extension/,
  },
  {
    noun: 'a certificate that is not there',
    words: () => ['member', 'list', '--peer-tls', join(dir, 'no-certificate')],
    code: 1,
    says: /no-certificate/,
  },
  {
    noun: 'a server that is not there',
    words: async () => {
      await lithair('certs', join(dir, 'of-admin'), '--name', 'n1');
      const address = `127.0.0.1:${await freePort()}`;
      return ['member', 'list', '--address', address, '--peer-tls', join(dir, 'of-admin', 'admin')];
    },
    code: 1,
    says: /nobody listens on 127\.0\.0\.1:\d+: --address is the peer port of a member/,
  },
];

async function nobody(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}

/** A data directory in which members have left their identity files. */
async function identified(name: string, ...members: string[]): Promise<string> {
  for (const member of members) {
    await mkdir(join(dir, name, member), { recursive: true });
    await writeFile(join(dir, name, member, 'node.json'), '{}');
  }
  return join(dir, name);
}

const INVALID_MODEL = `auth: {mode: open}
models:
  - name: Note
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: text, type: string, indx: hash}
`;

const NO_AUTH = `models:
  - name: Note
    fields:
      - {name: id, type: uuid, primaryKey: true}
`;

for (const row of ROWS) {
  test(`${row.noun}: one clear line and exit ${row.code}`, async () => {
    const end = await lithair(...(await row.words()));
    assert.equal(end.code, row.code, end.output);
    assert.match(end.output, row.says);
    assert.equal(end.output.trimEnd().split('\n').length, 1, end.output);
  });
}

/** Words that serve on ports of their own. */
async function serveWords(data: string, port?: number): Promise<string[]> {
  return ['serve', MODEL, '--data', data, ...(await freePortFlags(port))];
}

async function startReady(data: string): Promise<LithairProcess> {
  const words = await serveWords(data);
  const started = new LithairProcess(words);
  const url = `http://127.0.0.1:${words[words.indexOf('--port') + 1]}/readyz`;
  try {
    await eventually('the node to be ready', async () => ((await fetch(url)).ok ? true : null));
    return started;
  } catch (error) {
    await started.kill('SIGKILL');
    throw new Error(started.output, { cause: error });
  }
}

test('the certificate of another member is refused, exit 1', async () => {
  const certs = join(dir, 'certs');
  await lithair('certs', certs, '--name', 'n1', '--name', 'n2');
  const words = await serveWords(join(dir, 'other-name'));
  const end = await lithair(...words, '--peer-tls', join(certs, 'n2'));
  assert.equal(end.code, 1, end.output);
  assert.match(end.output, /that of member n2, not of member n1/);
});

test('a port in use is named, exit 1', async () => {
  const taken = await new Promise<Server>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const end = await lithair(...(await serveWords(join(dir, 'port'), port)));
  taken.close();
  assert.equal(end.code, 1, end.output);
  assert.match(end.output, new RegExp(`${port}.*in use`));
});

test('a directory that a running node holds is refused, exit 3, and the first goes on', async () => {
  const data = join(dir, 'locked');
  const first = await startReady(data);
  const second = await lithair(...(await serveWords(data)));
  assert.equal(second.code, 3, second.output);
  assert.match(second.output, /locked.*(in use|another process|locked)/s);
  const end = await first.kill('SIGTERM');
  assert.equal(end.code, 0, first.output);
});

test('a directory of another cluster is refused, exit 3', async () => {
  const data = join(dir, 'foreign');
  await (await startReady(data)).kill('SIGTERM');
  const cluster = join(dir, 'cluster');
  await mkdir(cluster);
  await writeFile(join(cluster, 'id'), '11111111-1111-4111-8111-111111111111');
  await writeFile(join(cluster, 'bootstrapped'), 'true');
  const end = await lithair(...(await serveWords(data)), '--cluster', cluster);
  assert.equal(end.code, 3, end.output);
  assert.match(end.output, /11111111-1111-4111-8111-111111111111/);
});

test('a segment that is no log is refused by name, exit 3, and left as it is', async () => {
  const data = join(dir, 'damaged');
  await (await startReady(data)).kill('SIGTERM');
  const copy = join(dir, 'damaged-copy');
  await cp(data, copy, { recursive: true });
  const segments = join(copy, 'events.raftlog');
  const [first = ''] = (await readdir(segments)).sort();
  await writeFile(join(segments, first), 'this is not a log');
  const end = await lithair(...(await serveWords(copy)));
  assert.equal(end.code, 3, end.output);
  assert.match(end.output, new RegExp(first.replaceAll('.', '\\.')));
});

test('an incompatible model is refused at start, exit 1, with the reason', async () => {
  const data = join(dir, 'breaking');
  await (await startReady(data)).kill('SIGTERM');
  const words = await serveWords(data);
  words[1] = await file('breaking.yaml', BREAKING);
  const end = await lithair(...words);
  assert.equal(end.code, 1, end.output);
  assert.match(end.output, /round/);
});

const BREAKING = `auth: {mode: open}
models:
  - name: Note
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: text, type: string, required: true, maxLength: 500}
      - {name: round, type: string}
`;
