import type { TestCase } from '../conformance/datadriven.ts';
import { parseFile } from '../conformance/datadriven.ts';
import { interactionDriver } from '../conformance/interaction/commands.ts';
import { InteractionEnv } from '../conformance/interaction/env.ts';
import type { Config } from '../src/index.ts';
import { Random } from './random.ts';
import type { Directive, Script } from './script.ts';
import { renderScript } from './script.ts';

/** What a maker of directives knows; null from a maker: nothing sensible now. */
interface Situation {
  readonly random: Random;
  readonly nodes: number;
  readonly asyncStorage: boolean;
  /** A number that was not used before in this script. */
  fresh(): number;
  /** A node may be compacted to any index from `first` to `applied`, if there is one. */
  compactable(id: number): { readonly first: number; readonly applied: number };
}

type Maker = (situation: Situation) => Directive | string | null;

const DELIVERED_TYPES = [
  'MsgAppResp',
  'MsgHeartbeat',
  'MsgHeartbeatResp',
  'MsgVote',
  'MsgVoteResp',
  'MsgPreVoteResp',
  'MsgSnap',
  'MsgStorageAppendResp',
  'MsgTimeoutNow',
  'MsgReadIndexResp',
] as const;

/** How often each directive is drawn, in parts of their sum. */
const MAKERS: readonly (readonly [number, Maker])[] = [
  [6, (s) => `campaign ${id(s)}`],
  [14, (s) => `propose ${id(s)} ${s.random.pick('a', 'bb', 'longer-value', 'v')}${s.fresh()}`],
  [5, () => 'stabilize'],
  [8, (s) => `stabilize ${id(s)} ${id(s)}`],
  [14, (s) => `process-ready ${id(s)}`],
  [10, (s) => `deliver-msgs ${id(s)}`],
  [4, deliverAndDrop],
  [3, (s) => `deliver-msgs drop=(${id(s)})`],
  [3, (s) => `deliver-msgs type=${s.random.pick('MsgApp', ...DELIVERED_TYPES)} ${id(s)}`],
  [7, (s) => `tick-heartbeat ${id(s)}`],
  [3, (s) => `tick-election ${id(s)}`],
  [4, proposeConfChange],
  [2, (s) => `transfer-leadership from=${id(s)} to=${id(s)}`],
  [2, (s) => `forget-leader ${id(s)}`],
  [2, (s) => `report-unreachable ${id(s)} ${id(s)}`],
  [5, (s) => `read-index ${id(s)} r${s.fresh()}`],
  [2, (s) => `report-snapshot ${id(s)} ${id(s)} ${s.random.pick('finish', 'failure')}`],
  [2, compact],
  [1, (s) => (s.asyncStorage ? `process-append-thread ${id(s)}` : null)],
  [1, (s) => (s.asyncStorage ? `process-apply-thread ${id(s)}` : null)],
  [1, (s) => `send-snapshot ${id(s)} ${id(s)}`],
  [1, (s) => `status ${id(s)}`],
  [1, (s) => `raft-log ${id(s)}`],
  [1, () => 'raft-state'],
];
const ALL_PARTS = MAKERS.reduce((sum, [parts]) => sum + parts, 0);

/**
 * Script number `index` of a seed. Our environment runs along, only to know which
 * indexes can be compacted; where it throws, the script ends with that directive.
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
  recorder.add(addNodes(random, nodes, asyncStorage));
  let used = 0;
  const situation: Situation = {
    random,
    nodes,
    asyncStorage,
    fresh: () => used++,
    compactable: (of) => {
      const { raft, storage } = env.node(of);
      return { first: storage.firstIndex(), applied: raft.basicStatus().applied };
    },
  };
  fill(recorder, situation);
  return recorder.script;
}

function fill(recorder: Recorder, situation: Situation): void {
  const { random, nodes } = situation;
  if (random.chance(50)) {
    recorder.add(`campaign ${id(situation)}`);
    recorder.add('stabilize');
  }
  for (let rest = 20 + random.below(60); rest > 0; rest--) {
    const directive = draw(random)(situation);
    if (directive !== null) recorder.add(directive);
  }
  if (!random.chance(70)) return;
  recorder.add('stabilize');
  for (let of = 1; of <= nodes; of++) {
    recorder.add(`status ${of}`);
    recorder.add(`raft-log ${of}`);
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
      for (const test of parseFile(renderScript([directive]))) this.#run(test);
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
  return 1 + situation.random.below(situation.nodes);
}

function addNodes(random: Random, nodes: number, asyncStorage: boolean): string {
  const voters = Array.from({ length: nodes - random.below(2) }, (_, at) => at + 1);
  const learner = voters.length < nodes && random.chance(50) ? ` learners=(${nodes})` : '';
  const options = [
    `add-nodes ${nodes} voters=(${voters.join(',')})${learner} index=${2 + random.below(8)}`,
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
  return `deliver-msgs ${to} drop=(${other === to ? (to % situation.nodes) + 1 : other})`;
}

function proposeConfChange(situation: Situation): Directive {
  const { random } = situation;
  const change = () => `${random.pick('v', 'l', 'r', 'u')}${id(situation)}`;
  const line = `propose-conf-change ${id(situation)}`;
  if (random.chance(30)) return { line: `${line} v1=true`, input: change() };
  if (random.chance(20)) return { line, input: '' };
  const transition = random.pick('auto', 'explicit', 'implicit');
  const input = Array.from({ length: 1 + random.below(3) }, change).join(' ');
  return { line: `${line} transition=${transition}`, input };
}

function compact(situation: Situation): string | null {
  const of = id(situation);
  const { first, applied } = situation.compactable(of);
  if (applied < first) return null;
  return `compact ${of} ${first + situation.random.below(applied - first + 1)}`;
}
