import type { AckedIndexer } from '../src/quorum/index.ts';
import { describeQuorum, JointConfig, MajorityConfig, VoteResult } from '../src/quorum/index.ts';
import { DirectiveError, parseInteger } from './arguments.ts';
import type { TestCase } from './datadriven.ts';

const RESULT_NAMES = {
  [VoteResult.Pending]: 'VotePending',
  [VoteResult.Lost]: 'VoteLost',
  [VoteResult.Won]: 'VoteWon',
};

interface Input {
  readonly majority: MajorityConfig;
  readonly other: MajorityConfig;
  readonly joint: boolean;
  /** What was given per voter; 0 for `_`. */
  readonly values: ReadonlyMap<number, number>;
}

/**
 * Runs `committed` and `vote` on a majority (`cfg`) or joint (`cfg`, `cfgj`) quorum.
 * Besides the result it prints whatever should be equal to it but is not.
 */
export function runQuorumCase(test: TestCase): string {
  const input = readInput(test);
  if (typeof input === 'string') return input;
  switch (test.command) {
    case 'committed':
      return committed(input);
    case 'vote':
      return vote(input);
    default:
      throw new DirectiveError(`unknown command ${test.command}`);
  }
}

function readInput(test: TestCase): Input | string {
  const ids: number[] = [];
  const otherIds: number[] = [];
  const given: number[] = [];
  let joint = false;
  for (const { key, values } of test.args) {
    if (key === 'cfg') ids.push(...values.map(parseInteger));
    else if (key === 'idx')
      given.push(...values.map((text) => (text === '_' ? 0 : parseInteger(text))));
    else if (key === 'votes') given.push(...values.map(parseVote));
    else if (key === 'cfgj') {
      joint = true;
      if (values[0] !== 'zero') otherIds.push(...values.map(parseInteger));
    } else throw new DirectiveError(`unknown argument ${key}`);
  }
  const voters = [...new Set([...ids, ...otherIds])];
  if (voters.length !== given.length) {
    const listed = voters.sort((a, b) => a - b).join(' ');
    return `error: mismatched input (explicit or _) for voters [${listed}]: [${given.join(' ')}]`;
  }
  return {
    majority: new MajorityConfig(ids),
    other: new MajorityConfig(otherIds),
    joint,
    values: new Map(voters.map((id, i) => [id, given[i] ?? 0])),
  };
}

function parseVote(text: string): number {
  const value = ['_', 'n', 'y'].indexOf(text);
  if (value < 0) throw new DirectiveError(`unknown vote ${text}`);
  return value;
}

function indexer(values: ReadonlyMap<number, number>): AckedIndexer {
  return { ackedIndex: (id) => values.get(id) || undefined };
}

function committed({ majority, other, joint, values }: Input): string {
  const acked = indexer(values);
  if (joint) {
    const config = new JointConfig(majority, other);
    const index = config.committedIndex(acked);
    const swapped = new JointConfig(other, majority).committedIndex(acked);
    const remark = swapped === index ? '' : `${indexText(swapped)} <-- via symmetry\n`;
    return `${describeQuorum(config.ids, acked)}${remark}${indexText(index)}\n`;
  }
  const index = majority.committedIndex(acked);
  let text = describeQuorum(majority.ids, acked);
  const check = (other: number, how: string) => {
    if (other !== index) text += `${indexText(other)} <-- ${how}\n`;
  };
  check(countedIndex(majority, acked), 'via alternative computation');
  check(new JointConfig(majority).committedIndex(acked), 'via zero-joint quorum');
  check(new JointConfig(majority, majority).committedIndex(acked), 'via self-joint quorum');
  for (const id of majority.ids) {
    const own = values.get(id) ?? 0;
    // Whoever is behind the result anyway cannot change it by falling further behind.
    if (own === 0 || own >= index) continue;
    for (const lower of [own - 1, 0]) {
      const lowered = indexer(new Map([...values, [id, lower]]));
      check(majority.committedIndex(lowered), `overlaying ${id}->${lower}`);
    }
  }
  return `${text}${indexText(index)}\n`;
}

/** The definition: the largest acknowledged index that a majority has reached. */
function countedIndex(majority: MajorityConfig, acked: AckedIndexer): number {
  if (majority.size === 0) return Number.POSITIVE_INFINITY;
  const indexes = majority.ids.map((id) => acked.ackedIndex(id) ?? 0);
  const reached = indexes.filter(
    (index) => indexes.filter((other) => other >= index).length > majority.size / 2,
  );
  return Math.max(0, ...reached);
}

function indexText(index: number): string {
  return index === Number.POSITIVE_INFINITY ? '∞' : String(index);
}

function vote({ majority, other, joint, values }: Input): string {
  const votes = new Map<number, boolean>();
  for (const [id, value] of values) if (value !== 0) votes.set(id, value === 2);
  if (!joint) return `${RESULT_NAMES[majority.voteResult(votes)]}\n`;
  const result = new JointConfig(majority, other).voteResult(votes);
  const swapped = new JointConfig(other, majority).voteResult(votes);
  const remark = swapped === result ? '' : `${RESULT_NAMES[swapped]} <-- via symmetry\n`;
  return `${remark}${RESULT_NAMES[result]}\n`;
}
