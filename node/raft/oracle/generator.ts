import type { TestCase } from '../conformance/datadriven.ts';
import { parseFile } from '../conformance/datadriven.ts';
import { interactionDriver } from '../conformance/interaction/commands.ts';
import { InteractionEnv } from '../conformance/interaction/env.ts';
import type { Config } from '../src/index.ts';
import { StateType } from '../src/index.ts';
import { Random } from './random.ts';
import type { Directive, Script } from './script.ts';
import { renderScript } from './script.ts';
import { withinTime } from './time-limit.ts';

/** What a maker of directives knows; null from a maker: nothing sensible now. */
interface Situation {
  readonly random: Random;
  readonly env: InteractionEnv;
  readonly asyncStorage: boolean;
  /** The options of the first nodes, for those that are added later. */
  readonly options: string;
  /** A number that was not used before in this script. */
  fresh(): number;
}

type Maker = (situation: Situation) => Directive | string | null;

const TYPES = [
  'MsgApp',
  'MsgAppResp',
  'MsgHeartbeat',
  'MsgHeartbeatResp',
  'MsgVote',
  'MsgVoteResp',
  'MsgPreVote',
  'MsgPreVoteResp',
  'MsgProp',
  'MsgReadIndex',
  'MsgReadIndexResp',
  'MsgSnap',
  'MsgStorageAppendResp',
  'MsgStorageApplyResp',
  'MsgTimeoutNow',
  'MsgTransferLeader',
] as const;
const MOST_NODES = 7;
/** A directive takes a millisecond. */
const LIMIT_MS = 10_000;

/** How often each directive is drawn, in parts of their sum. */
const MAKERS: readonly (readonly [number, Maker])[] = [
  [6, (s) => `campaign ${id(s)}`],
  [
    14,
    (s) =>
      `propose ${likelyLeader(s)} ${s.random.pick('a', 'bb', 'longer-value', 'v')}${s.fresh()}`,
  ],
  [5, () => 'stabilize'],
  [1, (s) => `stabilize log-level=${s.random.pick('none', 'info', 'Error')} ${id(s)} ${id(s)}`],
  [
    1,
    (s) => `log-level ${s.random.pick('debug', 'debug', 'info', 'warn', 'error', 'none', 'all')}`,
  ],
  [8, (s) => `stabilize ${id(s)} ${id(s)}`],
  [3, (s) => `stabilize ${id(s)} ${id(s)} ${id(s)}`],
  [14, (s) => `process-ready ${id(s)}`],
  [3, (s) => `process-ready ${id(s)} ${id(s)}`],
  [10, (s) => `deliver-msgs ${id(s)}`],
  [4, deliverAndDrop],
  [3, (s) => `deliver-msgs drop=(${id(s)})`],
  [4, (s) => `deliver-msgs type=${type(s)} ${id(s)}`],
  [2, (s) => `deliver-msgs type=${type(s)} drop=(${id(s)})`],
  [10, (s) => `tick-heartbeat ${id(s)}`],
  [5, (s) => `tick-election ${id(s)}`],
  [1, (s) => `set-randomized-election-timeout ${id(s)} timeout=${1 + s.random.below(6)}`],
  [6, proposeConfChange],
  [3, leaveJoint],
  [3, (s) => `transfer-leadership from=${likelyLeader(s)} to=${id(s)}`],
  [2, (s) => `forget-leader ${id(s)}`],
  [2, (s) => `report-unreachable ${likelyLeader(s)} ${id(s)}`],
  [6, (s) => `read-index ${id(s)} r${s.fresh()}`],
  [3, (s) => `report-snapshot ${likelyLeader(s)} ${id(s)} ${s.random.pick('finish', 'failure')}`],
  [3, compact],
  [3, (s) => `restart ${id(s)}`],
  [1, addNode],
  [5, (s) => (s.asyncStorage ? `process-append-thread ${id(s)}` : null)],
  [5, (s) => (s.asyncStorage ? `process-apply-thread ${id(s)}` : null)],
  [1, (s) => `send-snapshot ${id(s)} ${id(s)}`],
  [1, (s) => `status ${likelyLeader(s)}`],
  [1, (s) => `raft-log ${id(s)}`],
  [1, () => 'raft-state'],
];
const ALL_PARTS = MAKERS.reduce((sum, [parts]) => sum + parts, 0);

/**
 * Script number `index` of a seed. Our environment runs along, only to know who leads
 * and which indexes can be compacted; where it throws, the script ends with that
 * directive.
 */
export function generateScript(
  seed: number,
  index: number,
  jitter: Config['randomElectionJitter'],
): Script {
  const random = new Random(seed, index);
  const nodes = 3 + random.below(3);
  const asyncStorage = random.chance(50);
  const env = new InteractionEnv();
  const recorder = new Recorder(interactionDriver(jitter, env));
  const options = nodeOptions(random, asyncStorage);
  recorder.add(`add-nodes ${nodes} ${membership(random, nodes)} ${options}`.trim());
  let used = 0;
  const situation = { random, env, asyncStorage, options, fresh: () => used++ };
  fill(recorder, situation);
  return recorder.script;
}

function fill(recorder: Recorder, situation: Situation): void {
  const { random, env } = situation;
  if (random.chance(50)) {
    recorder.add(`campaign ${id(situation)}`);
    recorder.add('stabilize');
  }
  for (let rest = 20 + random.below(60); rest > 0; rest--) {
    const directive = draw(random)(situation);
    if (directive !== null) recorder.add(directive);
  }
  if (!random.chance(70)) return;
  recorder.add('log-level debug');
  recorder.add('stabilize');
  for (const node of env.nodes) {
    recorder.add(`status ${node.id}`);
    recorder.add(`raft-log ${node.id}`);
  }
}

/** Keeps what was run, up to and with the first directive that throws. */
class Recorder {
  readonly script: Directive[] = [];
  readonly #run: (test: TestCase) => string;
  #thrown = false;

  constructor(run: (test: TestCase) => string) {
    this.#run = run;
  }

  add(what: Directive | string): void {
    if (this.#thrown) return;
    const directive = typeof what === 'string' ? { line: what, input: '' } : what;
    this.script.push(directive);
    try {
      const tests = parseFile(renderScript([directive]));
      withinTime(LIMIT_MS, () => tests.forEach((test) => void this.#run(test)));
    } catch {
      // Whether it may throw is the comparison's to say: the Go module has to stop here too.
      this.#thrown = true;
    }
  }
}

function draw(random: Random): Maker {
  let at = random.below(ALL_PARTS);
  for (const [parts, maker] of MAKERS) {
    if (at < parts) return maker;
    at -= parts;
  }
  return () => null;
}

function id(situation: Situation): number {
  return 1 + situation.random.below(situation.env.nodes.length);
}

/** A node that leads, more often than chance would have it. */
function likelyLeader(situation: Situation): number {
  const any = id(situation);
  if (situation.random.chance(40)) return any;
  const leaders = situation.env.nodes.filter(
    ({ raft }) => raft.basicStatus().raftState === StateType.Leader,
  );
  return leaders.at(situation.random.below(Math.max(1, leaders.length)))?.id ?? any;
}

function type(situation: Situation): string {
  return situation.random.pick(...TYPES);
}

function membership(random: Random, nodes: number): string {
  const voters = Array.from({ length: nodes - random.below(2) }, (_, at) => at + 1);
  const learner = voters.length < nodes && random.chance(50) ? ` learners=(${nodes})` : '';
  return `voters=(${voters.join(',')})${learner} index=${2 + random.below(8)}`;
}

function nodeOptions(random: Random, asyncStorage: boolean): string {
  const options = [
    ...(asyncStorage ? ['async-storage-writes=true'] : []),
    ...(random.chance(40) ? ['prevote=true'] : []),
    ...quorumOptions(random),
    ...sizeOptions(random),
    ...(random.chance(15) ? ['disable-proposal-forwarding=true'] : []),
    ...(random.chance(10) ? ['disable-conf-change-validation=true'] : []),
    ...(random.chance(30) ? ['step-down-on-removal=true'] : []),
  ];
  return options.join(' ');
}

/** A node that knows nothing, and is no member of anything yet. */
function addNode(situation: Situation): string | null {
  if (situation.env.nodes.length >= MOST_NODES) return null;
  return `add-nodes 1 ${situation.options}`.trim();
}

/** A lease is only allowed where the leader checks its quorum. */
function quorumOptions(random: Random): string[] {
  if (!random.chance(40)) return [];
  return random.chance(30) ? ['checkquorum=true', 'read-only=lease-based'] : ['checkquorum=true'];
}

function sizeOptions(random: Random): string[] {
  const options: string[] = [];
  if (random.chance(30)) options.push(`inflight=${1 + random.below(4)}`);
  if (random.chance(30)) {
    const size = 1 + random.below(60);
    options.push(`max-size-per-msg=${size}`);
    if (random.chance(50)) options.push(`max-inflight-bytes=${size + random.below(60)}`);
  }
  if (random.chance(30)) options.push(`max-committed-size-per-ready=${1 + random.below(60)}`);
  if (random.chance(20)) options.push(`max-uncommitted-size=${1 + random.below(60)}`);
  return options;
}

function deliverAndDrop(situation: Situation): string {
  const to = id(situation);
  const other = id(situation);
  const distinct = other === to ? (to % situation.env.nodes.length) + 1 : other;
  return `deliver-msgs ${to} drop=(${distinct})`;
}

function proposeConfChange(situation: Situation): Directive {
  const { random } = situation;
  const change = () => `${random.pick('v', 'v', 'l', 'l', 'r', 'u')}${id(situation)}`;
  const line = `propose-conf-change ${likelyLeader(situation)}`;
  if (random.chance(30)) return { line: `${line} v1=true`, input: change() };
  if (random.chance(3)) return { line: `${line} v1=true`, input: `${change()} ${change()}` };
  const transition = random.pick('auto', 'explicit', 'implicit');
  const input = Array.from({ length: 1 + random.below(3) }, change).join(' ');
  return { line: `${line} transition=${transition}`, input };
}

function leaveJoint(situation: Situation): Directive {
  return { line: `propose-conf-change ${likelyLeader(situation)}`, input: '' };
}

/** Any index that the node holds and has applied. */
function compact(situation: Situation): string | null {
  const of = id(situation);
  const { raft, storage } = situation.env.node(of);
  const first = storage.firstIndex();
  const { applied } = raft.basicStatus();
  if (applied < first) return null;
  return `compact ${of} ${first + situation.random.below(applied - first + 1)}`;
}
