import { messageTypeByName } from '../../src/describe.ts';
import type { ConfChange, ConfChangeV2, Config, Snapshot } from '../../src/index.ts';
import {
  ConfChangeTransition,
  describeEntries,
  describeMessage,
  MessageType,
  NO_BYTES,
  NO_LIMIT,
  ReadOnlyOption,
  StorageError,
  stateTypeName,
} from '../../src/index.ts';
import { newMessage } from '../../src/messages.ts';
import {
  bareNumbers,
  DirectiveError,
  firstNumber,
  parseBoolean,
  parseInteger,
  ReportedError,
  requireValue,
} from '../arguments.ts';
import { parseConfChanges } from '../conf-changes.ts';
import type { TestCase } from '../datadriven.ts';
import type { Node, NodeOptions, Recipient } from './env.ts';
import { EMPTY_SNAPSHOT, InteractionEnv, stepErrorText } from './env.ts';

/** Carries out a directive; a text that is returned is printed as an error. */
type Command = (
  env: InteractionEnv,
  test: TestCase,
  jitter: Config['randomElectionJitter'],
) => string | void;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['_breakpoint', () => {}],
  ['add-nodes', addNodes],
  ['campaign', (env, test) => target(env, test).raft.campaign()],
  ['compact', compact],
  ['deliver-msgs', deliverMessages],
  ['forget-leader', (env, test) => target(env, test).raft.forgetLeader()],
  ['log-level', (env, test) => setLevel(env, test.args[0]?.key ?? '')],
  [
    'process-append-thread',
    inTurn('processing append thread', (env, node) => env.processAppend(node)),
  ],
  [
    'process-apply-thread',
    inTurn('processing apply thread', (env, node) => env.processApply(node)),
  ],
  ['process-ready', inTurn('handling Ready', (env, node) => env.processReady(node))],
  ['propose', propose],
  ['propose-conf-change', proposeConfChange],
  ['raft-log', (env, test) => printLog(env, target(env, test))],
  ['raft-state', printStates],
  ['read-index', readIndex],
  ['report-snapshot', reportSnapshot],
  ['report-unreachable', reportUnreachable],
  ['restart', (env, test) => env.restart(target(env, test))],
  ['send-snapshot', sendSnapshot],
  ['set-randomized-election-timeout', setElectionTimeout],
  ['stabilize', stabilize],
  ['status', printStatus],
  ['tick-election', (env, test) => tick(target(env, test), 'electionTick')],
  ['tick-heartbeat', (env, test) => tick(target(env, test), 'heartbeatTick')],
  ['transfer-leadership', transferLeadership],
]);

/** Runs interaction directives one after the other, in one environment. */
export function interactionDriver(
  jitter: Config['randomElectionJitter'],
  env = new InteractionEnv(),
): (test: TestCase) => string {
  return (test) => {
    env.output.take();
    const command = COMMANDS.get(test.command);
    // Upstream prints an error here, which a file could expect; nothing is tested then.
    if (command === undefined) throw new DirectiveError(`unknown directive "${test.command}"`);
    const error = run(command, env, test, jitter) ?? '';
    if (error !== '' && env.output.quiet) return error;
    return `${env.output.take()}${error}` || 'ok';
  };
}

function run(
  command: Command,
  env: InteractionEnv,
  test: TestCase,
  jitter: Config['randomElectionJitter'],
): string | void {
  try {
    return command(env, test, jitter);
  } catch (error) {
    if (error instanceof StorageError || error instanceof ReportedError) return error.message;
    throw error;
  }
}

function target(env: InteractionEnv, test: TestCase): Node {
  return env.node(firstNumber(test));
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function addNodes(
  env: InteractionEnv,
  test: TestCase,
  jitter: Config['randomElectionJitter'],
): string | void {
  const options: Mutable<NodeOptions> = {
    electionTick: 3,
    heartbeatTick: 1,
    maxSizePerMsg: NO_LIMIT,
    maxInflightMsgs: 2 ** 31 - 1,
    randomElectionJitter: jitter,
  };
  for (const { key, values } of test.args) {
    for (const value of values) {
      if (key !== 'read-only') setOption(options, key, value);
      else if (value === 'safe') options.readOnlyOption = ReadOnlyOption.Safe;
      else if (value === 'lease-based') options.readOnlyOption = ReadOnlyOption.LeaseBased;
      else return `invalid read-only option "${value}"`;
    }
  }
  const snapshot = initialSnapshot(test);
  if (snapshot.metadata.index > 0) options.applied = snapshot.metadata.index;
  return env.addNodes(firstNumber(test), options, snapshot);
}

type Switch = 'asyncStorageWrites' | 'preVote' | 'checkQuorum' | 'stepDownOnRemoval';
type Prohibition = 'disableProposalForwarding' | 'disableConfChangeValidation';
const SWITCHES: ReadonlyMap<string, Switch | Prohibition> = new Map([
  ['async-storage-writes', 'asyncStorageWrites'],
  ['prevote', 'preVote'],
  ['checkquorum', 'checkQuorum'],
  ['step-down-on-removal', 'stepDownOnRemoval'],
  ['disable-proposal-forwarding', 'disableProposalForwarding'],
  ['disable-conf-change-validation', 'disableConfChangeValidation'],
]);

type Size = 'maxSizePerMsg' | 'maxUncommittedEntriesSize' | 'maxCommittedSizePerReady';
type Window = 'maxInflightMsgs' | 'maxInflightBytes';
const NUMBERS: ReadonlyMap<string, Size | Window> = new Map([
  ['inflight', 'maxInflightMsgs'],
  ['max-size-per-msg', 'maxSizePerMsg'],
  ['max-inflight-bytes', 'maxInflightBytes'],
  ['max-uncommitted-size', 'maxUncommittedEntriesSize'],
  ['max-committed-size-per-ready', 'maxCommittedSizePerReady'],
]);

/** They make the initial snapshot. */
const SNAPSHOT_OPTIONS: readonly string[] = ['voters', 'learners', 'index', 'content'];

function setOption(options: Mutable<NodeOptions>, key: string, value: string): void {
  const onOff = SWITCHES.get(key);
  const number = NUMBERS.get(key);
  if (onOff !== undefined) options[onOff] = parseBoolean(value);
  else if (number !== undefined) options[number] = parseInteger(value);
  else if (!SNAPSHOT_OPTIONS.includes(key)) throw new DirectiveError(`unknown option "${key}"`);
}

function initialSnapshot(test: TestCase): Snapshot {
  const all = (key: string) =>
    test.args.filter((arg) => arg.key === key).flatMap((arg) => arg.values);
  const { confState } = EMPTY_SNAPSHOT.metadata;
  return {
    data: new TextEncoder().encode(all('content').at(-1) ?? ''),
    metadata: {
      confState: {
        ...confState,
        voters: all('voters').map(parseInteger),
        learners: all('learners').map(parseInteger),
      },
      index: parseInteger(all('index').at(-1) ?? '0'),
      term: 0,
    },
  };
}

function compact(env: InteractionEnv, test: TestCase): string | void {
  const node = target(env, test);
  node.storage.log.compact(parseInteger(test.args[1]?.key ?? ''));
  return printLog(env, node);
}

function deliverMessages(env: InteractionEnv, test: TestCase): void {
  const recipients: Recipient[] = [];
  let type: number | undefined;
  for (const { key, values } of test.args) {
    if (values.length === 0) recipients.push({ id: parseInteger(key), drop: false });
    for (const value of values) {
      if (key === 'drop') recipients.push(dropFor(recipients, parseInteger(value)));
      if (key === 'type') type = requireType(value);
    }
  }
  if (env.deliver(recipients, type) === 0) env.output.print('no messages\n');
}

function dropFor(recipients: readonly Recipient[], id: number): Recipient {
  if (recipients.some((recipient) => recipient.id === id)) {
    throw new DirectiveError(`can't both deliver and drop msgs to ${id}`);
  }
  return { id, drop: true };
}

function requireType(name: string): number {
  const type = messageTypeByName(name);
  if (type === undefined) throw new DirectiveError(`unknown message type ${name}`);
  return type;
}

function setLevel(env: InteractionEnv, name: string): string | void {
  if (env.output.setLevel(name)) return;
  return 'log levels must be either of [DEBUG INFO WARN ERROR FATAL NONE]';
}

/** Does `work` for every node named, with a heading when there are several. */
function inTurn(what: string, work: (env: InteractionEnv, node: Node) => void): Command {
  return (env, test) => {
    const nodes = bareNumbers(test).map((id) => env.node(id));
    for (const node of nodes) {
      if (nodes.length === 1) {
        work(env, node);
        continue;
      }
      env.output.print(`> ${node.id} ${what}\n`);
      env.output.indented(() => work(env, node));
    }
  };
}

function propose(env: InteractionEnv, test: TestCase): string {
  const data = test.args[1];
  if (test.args.length !== 2 || data === undefined || data.values.length > 0) {
    throw new DirectiveError('expected exactly one key with no values');
  }
  return stepErrorText(target(env, test).raft.propose(new TextEncoder().encode(data.key)));
}

const TRANSITIONS: ReadonlyMap<string, ConfChangeTransition> = new Map([
  ['auto', ConfChangeTransition.Auto],
  ['implicit', ConfChangeTransition.JointImplicit],
  ['explicit', ConfChangeTransition.JointExplicit],
]);

function proposeConfChange(env: InteractionEnv, test: TestCase): string {
  let v1 = false;
  let transition: ConfChangeTransition = ConfChangeTransition.Auto;
  for (const { key, values } of test.args.slice(1)) {
    for (const value of values) {
      const known = TRANSITIONS.get(value);
      if (key === 'v1') v1 = parseBoolean(value);
      else if (key !== 'transition') return `unknown command ${key}`;
      else if (known === undefined) return `unknown transition ${value}`;
      else transition = known;
    }
  }
  const change = buildChange(test, v1, transition);
  if (typeof change === 'string') return change;
  return stepErrorText(target(env, test).raft.proposeConfChange(change));
}

function buildChange(
  test: TestCase,
  v1: boolean,
  transition: ConfChangeTransition,
): ConfChange | ConfChangeV2 | string {
  const changes = parseConfChanges(test.input);
  if (!v1) return { transition, changes, context: NO_BYTES };
  const [only] = changes;
  if (only === undefined || changes.length > 1 || transition !== ConfChangeTransition.Auto) {
    return 'v1 conf change can only have one operation and no transition';
  }
  return { id: 0, type: only.type, nodeId: only.nodeId, context: NO_BYTES };
}

function printLog(env: InteractionEnv, node: Node): void {
  const { storage } = node;
  const first = storage.firstIndex();
  const last = storage.lastIndex();
  if (last < first) {
    env.output.print(`log is empty: first index=${first}, last index=${last}`);
    return;
  }
  env.output.print(describeEntries(storage.entries(first, last + 1, NO_LIMIT)));
}

function printStates(env: InteractionEnv): void {
  for (const node of env.nodes) {
    const status = node.raft.status();
    const voter = status.config.voters.has(status.id) ? '(Voter)' : '(Non-Voter)';
    env.output.print(
      `${status.id}: ${stateTypeName(status.raftState)} ${voter} ` +
        `Term:${status.term} Lead:${status.lead}\n`,
    );
  }
}

function printStatus(env: InteractionEnv, test: TestCase): void {
  for (const [id, progress] of target(env, test).raft.status().progress) {
    env.output.print(`${id}: ${progress.toString()}\n`);
  }
}

/** Ours: asks for a read index, with the second argument as its context. */
function readIndex(env: InteractionEnv, test: TestCase): void {
  const context = new TextEncoder().encode(test.args[1]?.key ?? '');
  target(env, test).raft.readIndex(context);
}

/** Ours: tells a leader that the snapshot it sent has arrived (`finish`) or not (`failure`). */
function reportSnapshot(env: InteractionEnv, test: TestCase): void {
  const [on, to] = bareNumbers({ ...test, args: test.args.slice(0, 2) });
  const status = test.args[2]?.key;
  if (on === undefined || to === undefined || (status !== 'finish' && status !== 'failure')) {
    throw new DirectiveError('expected: report-snapshot NODE FOLLOWER finish|failure');
  }
  env.node(on).raft.reportSnapshot(to, status);
}

function reportUnreachable(env: InteractionEnv, test: TestCase): string | void {
  const [on, reported, ...others] = bareNumbers(test);
  if (on === undefined || reported === undefined || others.length > 0) {
    return 'must specify exactly two node indexes: node on which to report, and reported node';
  }
  env.node(on).raft.reportUnreachable(env.node(reported).id);
}

function sendSnapshot(env: InteractionEnv, test: TestCase): void {
  const [from, to] = bareNumbers(test);
  if (from === undefined || to === undefined) throw new DirectiveError('two nodes are needed');
  const sender = env.node(from);
  const message = newMessage(MessageType.Snap, to);
  message.from = from;
  message.term = sender.raft.basicStatus().term;
  message.snapshot = sender.storage.snapshot();
  env.post(message);
  env.output.print(describeMessage(message));
}

function setElectionTimeout(env: InteractionEnv, test: TestCase): void {
  const timeout = parseInteger(requireValue(test, 'timeout'));
  if (timeout === 0) throw new DirectiveError('timeout must not be 0');
  target(env, test).raft.setRandomizedElectionTimeout(timeout);
}

function stabilize(env: InteractionEnv, test: TestCase): string | void {
  const before = env.output.level;
  try {
    for (const { key, values } of test.args.filter((arg) => arg.values.length > 0)) {
      if (key !== 'log-level') throw new DirectiveError(`unknown key "${key}"`);
      const error = setLevel(env, values[0] ?? '');
      if (error !== undefined) return error;
    }
    const ids = bareNumbers(test);
    env.stabilize(ids.length === 0 ? env.nodes : ids.map((id) => env.node(id)));
  } finally {
    env.output.level = before;
  }
}

function tick(node: Node, interval: 'electionTick' | 'heartbeatTick'): void {
  for (let i = 0; i < node.options[interval]; i++) node.raft.tick();
}

function transferLeadership(env: InteractionEnv, test: TestCase): void {
  const from = env.node(parseInteger(requireValue(test, 'from')));
  const to = env.node(parseInteger(requireValue(test, 'to')));
  from.raft.transferLeader(to.id);
}
