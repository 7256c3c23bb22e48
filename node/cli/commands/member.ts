import type { ClusterStatus, MemberStatus, WaitingStatus } from '@lithair/crds/contract';
import { AdminRefusedError } from '../../membership/index.ts';
import { ADMIN_OPTIONS, askMember } from '../admin-connection.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand, CliInput } from '../command-line.ts';
import { promoteRegionOf } from '../promote-region.ts';
import { replaceMember } from '../replace-member.ts';

const DEFAULT_TIMEOUT_SECONDS = 600;
const MAX_TIMEOUT_SECONDS = 86_400;
const PROMOTE_AGAIN_MS = 500;

/** `lithair member ACTION [ID]`: who belongs to a running cluster, and changes of that. */
export const memberCommand: CliCommand = {
  name: 'member',
  positionals: 'ACTION [ID|REGION]',
  words: ['list', 'remove', 'replace', 'promote', 'transfer', 'promote-region'],
  options: {
    ...ADMIN_OPTIONS,
    confirm: {
      value: 'CLUSTERID/EPOCH',
      help: 'promote-region: the cluster and epoch that are given up',
    },
    wait: { help: 'promote: wait until the learner has caught up' },
    timeout: {
      value: 'SECONDS',
      help: `longest wait of promote --wait and replace (default ${DEFAULT_TIMEOUT_SECONDS})`,
    },
  },
  details: [
    'Actions:',
    '  list             the members with role, region, address, and how far behind they are',
    '  remove ID        take a member out for good; its disk cannot come back',
    '  replace ID       take out a member whose disk is lost, and wait until another of its name,',
    '                   started with an empty directory, has taken its place',
    '  promote ID       give a learner that has caught up a vote',
    '  transfer [ID]    hand leadership to a voter, or to the one that is furthest along',
    '  promote-region REGION',
    '                   when a quorum of the voters is lost for good: begin the next epoch of the',
    '                   cluster with the member that is asked; says what is lost, and does it',
    '                   only with --confirm CLUSTERID/EPOCH',
    'A new member joins by itself: start it with --initial-cluster and its certificate.',
    'Example: lithair member list --address 127.0.0.1:10080 --peer-tls data/certs/admin',
  ],
  async run(input) {
    const action = ACTIONS.get(input.positionals[0] ?? '');
    if (action !== undefined) return action(input);
    const known = [...ACTIONS.keys()].join(', ');
    throw new CliError(`member: ${input.positionals[0]} is none of ${known}`, EXIT.usage);
  },
};

const ACTIONS = new Map<string, (input: CliInput) => Promise<number>>([
  ['list', list],
  ['remove', remove],
  ['replace', replace],
  ['promote', promote],
  ['transfer', transfer],
  ['promote-region', promoteRegion],
]);

async function list(input: CliInput): Promise<number> {
  const status = await askMember(input, (client) => client.status());
  process.stdout.write(`${tableOf(status)}\n`);
  return EXIT.ok;
}

async function remove(input: CliInput): Promise<number> {
  const id = requiredId(input);
  await askMember(input, (client) => client.removeMember(id));
  return done(`member ${id} removed`);
}

async function promote(input: CliInput): Promise<number> {
  const id = requiredId(input);
  const dueMs = performance.now() + timeoutMs(input);
  await askMember(input, async (client) => {
    for (;;) {
      const refusal = await client.promoteMember(id).then(
        () => null,
        (error: unknown) => error,
      );
      if (refusal === null) return;
      const mayWait = input.flag('wait') && performance.now() < dueMs;
      if (!mayWait || !isBehind(refusal)) throw refusal;
      process.stderr.write(`${refusal.message}: waiting\n`);
      await new Promise((resolve) => setTimeout(resolve, PROMOTE_AGAIN_MS));
    }
  });
  return done(`member ${id} promoted`);
}

function isBehind(refusal: unknown): refusal is AdminRefusedError {
  return refusal instanceof AdminRefusedError && refusal.code === 'not_caught_up';
}

function tell(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

async function replace(input: CliInput): Promise<number> {
  const id = requiredId(input);
  const next = await askMember(input, (client) =>
    replaceMember(client, id, timeoutMs(input), tell),
  );
  return done(`member ${id} replaced by member ${next}`);
}

async function promoteRegion(input: CliInput): Promise<number> {
  const region = input.positionals[1];
  if (region === undefined) {
    throw new CliError('member promote-region takes the name of a region', EXIT.usage);
  }
  const confirm = input.text('confirm');
  const request = confirm === undefined ? { region } : { region, confirm };
  const text = await askMember(input, (client) => promoteRegionOf(client, request));
  return done(text);
}

function timeoutMs(input: CliInput): number {
  return 1000 * (input.integer('timeout', 1, MAX_TIMEOUT_SECONDS) ?? DEFAULT_TIMEOUT_SECONDS);
}

async function transfer(input: CliInput): Promise<number> {
  const to = input.positionals[1] === undefined ? null : requiredId(input);
  const leader = await askMember(input, (client) => client.transferLeadership(to));
  return done(`member ${leader} leads`);
}

/** Narrower columns would jump from one call to the next. */
const WIDTHS = [4, 12, 8, 8, 20, 6, 0];

function tableOf(status: ClusterStatus | WaitingStatus): string {
  if ('waiting' in status) return `${status.name} waits: it belongs to no cluster yet`;
  const rows = status.members.map((member) => rowOf(member, status.leader));
  const table = [['ID', 'NAME', 'ROLE', 'REGION', 'ADDRESS', 'LAG', 'SECONDS'], ...rows];
  const widths = WIDTHS.map((least, at) =>
    Math.max(least, ...table.map((row) => row[at]?.length ?? 0)),
  );
  const lines = table.map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join(' ')
      .trimEnd(),
  );
  return [...lines, ...status.members.flatMap(heldBackLine)].join('\n');
}

function heldBackLine({ id, name, heldBack }: MemberStatus): string[] {
  return heldBack === undefined ? [] : [`member ${id} (${name}) gets no vote yet: ${heldBack}`];
}

function rowOf(member: MemberStatus, leader: number): string[] {
  const role = member.id === leader ? 'leader' : member.role;
  const { id, name, region = '', address, lag, lagMs = null } = member;
  const seconds = lagMs === null ? '' : (lagMs / 1000).toFixed(1);
  return [String(id), name, role, region, address, lag?.toString() ?? '', seconds];
}

function requiredId(input: CliInput): number {
  const text = input.positionals[1] ?? '';
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new CliError(`member ${input.positionals[0]} takes the id of a member`, EXIT.usage);
}

function done(sentence: string): number {
  process.stdout.write(`${sentence}\n`);
  return EXIT.ok;
}
