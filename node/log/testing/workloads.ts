import type { MemberUnderTest } from './member-under-test.ts';

/** What a member does while its disk is traced. */
export type Workload = (member: MemberUnderTest) => Promise<void>;

/** A new directory, its names, a first snapshot and a few entries. */
async function identity(member: MemberUnderTest): Promise<void> {
  await member.open();
  await member.bootstrap(1);
  member.append(2);
  await member.settled();
  await member.close();
  await member.open();
  member.append(1);
  await member.settled();
  await member.close();
}

/** Batches of all sizes over several segments, one record larger than a segment among them. */
async function segments(member: MemberUnderTest): Promise<void> {
  await member.open();
  for (let i = 0; i < 14; i++) {
    member.append(1 + member.below(4));
    if (member.below(2) === 0) member.append(1);
    if (member.below(3) > 0) await member.turn();
    if (i % 5 === 0) member.vote();
    if (i === 6) member.members(1, 2);
  }
  await member.settled();
  await member.close();
}

/** New leaders replace tails, across the borders of segments too. */
async function conflicts(member: MemberUnderTest): Promise<void> {
  await member.open();
  for (let i = 0; i < 12; i++) {
    member.append(1 + member.below(6));
    if (member.below(2) === 0) await member.settled();
    member.overwrite(1 + member.below(9), 1 + member.below(3));
    if (member.below(2) === 0) await member.turn();
  }
  await member.settled();
  await member.close();
}

/** Snapshots beside the writes, compaction, and segments that are used again. */
async function snapshots(member: MemberUnderTest): Promise<void> {
  await member.open();
  await member.bootstrap(3);
  for (let i = 0; i < 10; i++) {
    member.append(2 + member.below(14));
    await member.settled();
    const snapshot = member.snapshot();
    member.append(2);
    await member.turn();
    member.append(1);
    await snapshot;
  }
  await member.settled();
  await member.close();
}

/** Snapshots of a leader, beside writes and snapshots of the member's own. */
async function install(member: MemberUnderTest): Promise<void> {
  await member.open();
  for (let i = 0; i < 3; i++) {
    member.append(2 + member.below(4));
    await member.settled();
    const own = member.snapshot();
    member.append(1);
    const installed = member.install(1 + member.below(20));
    await Promise.all([own, installed]);
    member.append(1);
    if (i === 1) await member.settled();
  }
  await member.settled();
  await member.close();
}

/** Processes that end in order, and others that are killed, on one disk. */
async function restarts(member: MemberUnderTest): Promise<void> {
  for (let life = 0; life < 6; life++) {
    await member.open();
    member.append(1 + member.below(4));
    if (member.below(2) === 0) await member.settled();
    if (life === 2) await member.snapshot();
    member.append(1 + member.below(3));
    for (let turn = member.below(5); turn > 0; turn--) await member.turn();
    if (life % 3 === 1) await member.close();
    else member.kill();
  }
  await member.open();
  await member.close();
}

/** Syncs and writes that fail: the process ends, and the next one finds a cache that is not the disk. */
async function failures(member: MemberUnderTest): Promise<void> {
  for (const failing of ['sync', 'write', 'sync'] as const) {
    await member.open();
    member.append(3);
    await member.settled();
    let count = member.below(3);
    member.refuse((request) => (request === failing && count-- <= 0 ? 'EIO' : null));
    for (let i = 0; i < 3; i++) {
      try {
        member.append(1 + member.below(3));
      } catch {
        break;
      }
      for (let turn = 0; turn < 6; turn++) await member.turn();
    }
    member.kill();
  }
  await member.open();
  member.append(2);
  await member.settled();
  await member.close();
}

/** Snapshots that cannot be put in place, and later ones that can. */
async function refusals(member: MemberUnderTest): Promise<void> {
  await member.open();
  await member.bootstrap(2);
  for (const failing of ['first', 'second', 'none', 'sync'] as const) {
    member.append(3);
    await member.settled();
    member.refuse((request, path) => {
      if (failing === 'first') return request === 'rename' && path.endsWith('snap') ? 'EIO' : null;
      if (failing === 'second') return request === 'rename' && path.endsWith('tmp') ? 'EIO' : null;
      return failing === 'sync' && request === 'sync' && path.endsWith('snap.tmp') ? 'EIO' : null;
    });
    await member.snapshot().catch(() => undefined);
    member.refuse(() => null);
    member.append(1);
  }
  await member.snapshot();
  await member.settled();
  await member.close();
}

/** An encrypted log under one key after the other: what had an old one is written anew and given up. */
async function encrypted(member: MemberUnderTest): Promise<void> {
  member.encrypt();
  await member.open();
  await member.bootstrap(2);
  for (let life = 0; life < 3; life++) {
    for (let i = 0; i < 3; i++) {
      member.append(1 + member.below(4));
      if (member.below(2) === 0) await member.turn();
    }
    member.overwrite(2, 1 + member.below(2));
    await member.snapshot();
    member.rotate();
    member.append(1 + member.below(3));
    if (life !== 1) await member.rewrite();
    member.append(2);
    if (life === 2) break;
    if (life === 0) await member.settled();
    else await member.turn();
    member.kill();
    await member.open();
  }
  await member.settled();
  await member.close();
}

/** A bit of everything, as it comes. */
async function mixed(member: MemberUnderTest): Promise<void> {
  await member.open();
  await member.bootstrap(1);
  for (let i = 0; i < 26; i++) {
    const die = member.below(20);
    if (die < 11) member.append(1 + member.below(3));
    else if (die < 13) member.overwrite(4, 1 + member.below(2));
    else if (die < 15) await member.snapshot();
    else if (die === 15) await member.install(1 + member.below(5));
    else if (die === 16) member.vote();
    else if (die === 17) await member.close().then(() => member.open());
    else await member.turn();
  }
  await member.settled();
  member.kill();
  await member.open();
  member.append(1);
  await member.settled();
  await member.close();
}

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  mixed,
  identity,
  segments,
  conflicts,
  snapshots,
  install,
  restarts,
  failures,
  refusals,
  encrypted,
};

/** Of these, nothing may ever lie on the disk in plain. */
export const SECRET: ReadonlySet<Workload> = new Set([encrypted]);
