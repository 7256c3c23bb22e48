import type { ClusterStatus, MemberStatus, WaitingStatus } from '@lithair/crds/contract';
import { ADMIN_OPTIONS, askMember } from '../admin-connection.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand, CliInput } from '../command-line.ts';

/** `lithair member ACTION [ID]`: who belongs to a running cluster, and changes of that. */
export const memberCommand: CliCommand = {
  name: 'member',
  positionals: 'ACTION [ID]',
  options: ADMIN_OPTIONS,
  details: [
    'Actions:',
    '  list             the members with role, region, address, and how far behind they are',
    '  remove ID        take a member out for good; its disk cannot come back',
    '  promote ID       give a learner that has caught up a vote',
    '  transfer [ID]    hand leadership to a voter, or to the one that is furthest along',
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
  ['promote', promote],
  ['transfer', transfer],
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
  await askMember(input, (client) => client.promoteMember(id));
  return done(`member ${id} promoted`);
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
  return table
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join(' ')
        .trimEnd(),
    )
    .join('\n');
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
