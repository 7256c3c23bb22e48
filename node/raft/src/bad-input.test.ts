/** What no correct peer sends and no correct application asks for is refused by name, and changes nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConfChangeV2, Message, MessageType as Type } from './index.ts';
import {
  CodecError,
  ConfChangeError,
  ConfChangeTransition,
  decodeMessage,
  describeMessage,
  EntryType,
  encodeMessage,
  isLocalMessage,
  isResponseMessage,
  MessageError,
  MessageType,
  messageTypeName,
  NO_BYTES,
  RawNode,
} from './index.ts';
import type { Member } from './testing/cluster.ts';
import { bytes, Cluster, confStateOf, makeEntry, makeSnapshot } from './testing/cluster.ts';
import { append, memberWithLog, to1, winElection } from './testing/scenes.ts';

const IMPOSSIBLE = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53)] as const;
const FIELDS = ['term', 'logTerm', 'index', 'commit', 'vote', 'rejectHint', 'from', 'to'] as const;

const types: readonly Type[] = Object.values(MessageType);
const networkTypes = types.filter((type) => !isLocalMessage(type));

/** -1 as a sender is the append thread, whose messages do not come from outside. */
function impossibleFields(): Partial<Message>[] {
  const all = FIELDS.flatMap((field) => IMPOSSIBLE.map((value) => ({ [field]: value })));
  return all.filter((fields) => fields['from'] !== -1);
}

/** All that can be seen of a member. */
function seen(member: Member): string {
  const { config, progress, ...status } = member.raft.status();
  const members = [...progress.values()].map(String);
  return JSON.stringify({
    status,
    config: config.toString(),
    members,
    ready: member.raft.hasReady(),
  });
}

function follower(): Member {
  return memberWithLog([1, 1], { term: 2 });
}

function leader(): Member {
  const member = memberWithLog([1, 1]);
  winElection(member);
  return member;
}

function refused(member: Member, message: Message): void {
  const before = seen(member);
  assert.throws(() => member.raft.step(message), MessageError, describeMessage(message));
  assert.equal(seen(member), before);
}

describe('a message with an impossible number', () => {
  for (const type of networkTypes) {
    it(`is refused: ${messageTypeName(type)}`, () => {
      for (const fields of impossibleFields()) {
        refused(follower(), to1(type, { term: 2, ...fields }));
        refused(leader(), to1(type, { term: 2, ...fields }));
      }
    });
  }

  it('is refused: in its entries', () => {
    for (const type of [MessageType.App, MessageType.Prop, MessageType.ReadIndex]) {
      for (const value of IMPOSSIBLE) {
        const term = type === MessageType.App ? 2 : 0;
        for (const entry of [makeEntry(value, 4), makeEntry(1, value)]) {
          refused(follower(), to1(type, { term, index: 3, logTerm: 1, entries: [entry] }));
        }
      }
    }
  });

  it('is refused: in its snapshot', () => {
    for (const value of IMPOSSIBLE) {
      for (const snapshot of [
        makeSnapshot(value, 1, confStateOf([1])),
        makeSnapshot(9, value, confStateOf([1])),
        makeSnapshot(9, 1, confStateOf([1, value])),
        makeSnapshot(9, 1, confStateOf([1], [value])),
        makeSnapshot(9, 1, { ...confStateOf([1]), votersOutgoing: [value] }),
        makeSnapshot(9, 1, { ...confStateOf([1]), learnersNext: [value] }),
      ]) {
        refused(follower(), to1(MessageType.Snap, { term: 2, snapshot }));
      }
    }
  });

  it('is refused: a type that there is none of', () => {
    for (const type of [24, 99, -1, 0.5, Number.NaN]) {
      refused(follower(), to1(type as Type, { term: 2 }));
    }
  });
});

describe('a message from nobody, or from the member itself', () => {
  const { App, Heartbeat, Vote, PreVote, HeartbeatResp, TimeoutNow } = MessageType;
  it('is refused: what only others can say', () => {
    for (const type of [App, Heartbeat, Vote, PreVote]) {
      refused(follower(), to1(type, { term: 2, from: 1 }));
      refused(leader(), to1(type, { term: 2, from: 1 }));
    }
    for (const type of [App, Heartbeat, Vote, PreVote, HeartbeatResp, TimeoutNow]) {
      refused(follower(), to1(type, { term: 2, from: 0 }));
    }
  });
});

describe('an append that contradicts itself', () => {
  const base = append(2, [3, 1], [1, 2]);
  const [first, second] = base.entries;
  assert.ok(first !== undefined && second !== undefined);
  for (const [name, entries] of [
    ['with a gap', [first, { ...second, index: 6 }]],
    ['with an entry twice', [first, first]],
    ['that does not follow the entry before it', [{ ...first, index: 9 }]],
    [
      'with a term that falls',
      [
        { ...first, term: 2 },
        { ...second, term: 1 },
      ],
    ],
    ['with a term before that of the entry before it', [{ ...first, term: 0 }]],
    ['with a term beyond its own', [{ ...first, term: 3 }]],
  ] as const) {
    it(`is refused: ${name}`, () => refused(follower(), { ...base, entries }));
  }
});

describe('a snapshot that contradicts itself', () => {
  for (const [name, confState] of [
    ['without voters', confStateOf([])],
    ['with learners alone', confStateOf([], [1, 2])],
    ['with a member in two roles', confStateOf([1, 2], [2])],
    [
      'with waiting learners that are no outgoing voters',
      { ...confStateOf([1]), learnersNext: [2] },
    ],
    ['that leaves by itself what is not joint', { ...confStateOf([1]), autoLeave: true }],
  ] as const) {
    it(`is refused: ${name}`, () => {
      const member = follower();
      const snapshot = makeSnapshot(9, 1, confState);
      const before = {
        ...member.raft.basicStatus(),
        config: member.raft.status().config.toString(),
      };
      try {
        member.raft.step(to1(MessageType.Snap, { term: 2, snapshot }));
      } catch (error) {
        assert.ok(error instanceof MessageError || error instanceof ConfChangeError, String(error));
      }
      const { commit, lastIndex } = member.raft.basicStatus();
      assert.deepEqual([commit, lastIndex], [before.commit, before.lastIndex]);
      assert.equal(member.raft.status().config.toString(), before.config);
    });
  }
});

describe('a message from a stranger', () => {
  for (const type of networkTypes.filter(isResponseMessage)) {
    it(`that answers something is not heard: ${messageTypeName(type)}`, () => {
      for (const member of [follower(), leader()]) {
        const before = seen(member);
        const { term } = member;
        const message = to1(type, {
          from: 9,
          term: term + 5,
          index: 3,
          context: bytes('12345678'),
        });
        assert.equal(member.raft.step(message), 'peer-not-found');
        assert.equal(seen(member), before);
      }
    });
  }

  for (const type of types.filter(isLocalMessage)) {
    it(`of a local type is not heard: ${messageTypeName(type)}`, () => {
      for (const from of [2, 9]) {
        const member = leader();
        const before = seen(member);
        assert.equal(member.raft.step(to1(type, { from, term: 9 })), 'local-message');
        assert.equal(seen(member), before);
      }
    });
  }

  it('that asks for a transfer of leadership is not heard', () => {
    const member = leader();
    member.raft.step(to1(MessageType.TransferLeader, { from: 9, term: member.term }));
    assert.equal(member.raft.basicStatus().leadTransferee, 0);
  });
});

describe('an application that asks for the impossible', () => {
  it('is refused: reports about, and transfers to, ids that cannot be', () => {
    for (const id of [0, ...IMPOSSIBLE]) {
      const { raft } = leader();
      assert.throws(() => raft.reportUnreachable(id), MessageError);
      assert.throws(() => raft.reportSnapshot(id, 'failure'), MessageError);
      assert.throws(() => raft.transferLeader(id), MessageError);
    }
  });

  it('is refused: data that is not bytes', () => {
    const { raft } = new Cluster([1]).elect(1);
    const { lastIndex } = raft.basicStatus();
    for (const value of ['text', null, 7, [1, 2]]) {
      // @ts-expect-error: a caller without types
      assert.throws(() => raft.propose(value), MessageError);
      // @ts-expect-error: a caller without types
      assert.throws(() => raft.proposeBatch([bytes('a'), value]), MessageError);
      // @ts-expect-error: a caller without types
      assert.throws(() => raft.readIndex(value), MessageError);
    }
    assert.equal(raft.basicStatus().lastIndex, lastIndex);
  });

  it('is refused: what became of a snapshot in other words, and a timeout that is no count', () => {
    const { raft } = new Cluster([1]).elect(1);
    // @ts-expect-error: a caller without types
    assert.throws(() => raft.reportSnapshot(2, 'perhaps'), MessageError);
    for (const ticks of IMPOSSIBLE) {
      assert.throws(() => raft.setRandomizedElectionTimeout(ticks), /ticks must be/);
    }
  });

  it('is refused: a change of membership by a transition that there is none of', () => {
    const { raft } = new Cluster([1, 2, 3]).elect(1);
    const changes = [{ type: 1 as const, nodeId: 3 }];
    const before = raft.status().config.toString();
    // @ts-expect-error: a caller without types
    const change: ConfChangeV2 = { transition: 9, changes, context: NO_BYTES };
    assert.throws(() => raft.applyConfChange(change), ConfChangeError);
    assert.equal(raft.status().config.toString(), before);
  });

  it('is refused: a change of membership with an id that cannot be', () => {
    for (const nodeId of IMPOSSIBLE) {
      const cluster = new Cluster([1]);
      const { raft } = cluster.elect(1);
      const changes = [{ type: 0 as const, nodeId }];
      const change = { transition: ConfChangeTransition.Auto, changes, context: NO_BYTES };
      const before = raft.status().config.toString();
      assert.throws(() => raft.proposeConfChange(change), CodecError);
      assert.throws(() => raft.applyConfChange(change), ConfChangeError);
      assert.equal(raft.status().config.toString(), before);
    }
  });

  it('is refused: a proposal of several entries of which one cannot be decoded', () => {
    const cluster = new Cluster([1]);
    const { raft } = cluster.elect(1);
    const { lastIndex } = raft.basicStatus();
    const entries = [
      { term: 0, index: 0, type: EntryType.Normal, data: bytes('a') },
      { term: 0, index: 0, type: EntryType.ConfChange, data: new Uint8Array([0x13]) },
    ];
    assert.equal(raft.step(to1(MessageType.Prop, { from: 1, entries })), 'proposal-dropped');
    assert.equal(raft.basicStatus().lastIndex, lastIndex);
  });

  it('is refused: a request of a peer that is bound to a term', () => {
    for (const type of [MessageType.Prop, MessageType.ReadIndex]) {
      for (const member of [follower(), leader()]) {
        refused(member, to1(type, { term: member.term, entries: [makeEntry(0, 0, 'x')] }));
      }
    }
  });

  it('is refused: a request of a peer that asks for nothing', () => {
    refused(leader(), to1(MessageType.Prop));
    refused(leader(), to1(MessageType.ReadIndex));
  });
});

describe('a frame', () => {
  const messages = [
    append(3, [300, 2], [2, 2, 3], 200),
    to1(MessageType.Snap, { term: 3, snapshot: makeSnapshot(9, 2, confStateOf([1, 2, 300], [4])) }),
    to1(MessageType.AppResp, { term: 3, index: 7, reject: true, rejectHint: 5, logTerm: 2 }),
    to1(MessageType.Heartbeat, { term: 3, commit: 2 ** 40, context: bytes('context') }),
  ];

  it('with any bit flipped is refused, or is another message that is whole in itself', () => {
    for (const message of messages) {
      const frame = encodeMessage(message);
      for (let bit = 0; bit < frame.length * 8; bit++) {
        const flipped = frame.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const decoded = decodedOrRefused(flipped);
        if (decoded === null) continue;
        assert.deepEqual(decodeMessage(encodeMessage(decoded)), decoded);
        stepsOrRefuses(decoded);
      }
    }
  });

  it('with any byte replaced by a large length is refused, or is whole', () => {
    for (const message of messages) {
      const frame = encodeMessage(message);
      for (let at = 0; at < frame.length; at++) {
        for (const length of [
          [0xff, 0xff, 0xff, 0xff, 0x0f],
          [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
          [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ]) {
          const longer = new Uint8Array([...frame.slice(0, at), ...length, ...frame.slice(at + 1)]);
          decodedOrRefused(longer);
        }
      }
    }
  });
});

function decodedOrRefused(frame: Uint8Array): Message | null {
  try {
    return decodeMessage(frame);
  } catch (error) {
    assert.ok(error instanceof CodecError, String(error));
    return null;
  }
}

/** Whatever a frame holds, a member takes it or refuses it by name. */
function stepsOrRefuses(message: Message): void {
  try {
    follower().raft.step(message);
  } catch (error) {
    assert.ok(error instanceof Error && NAMED_ERRORS.includes(error.name), String(error));
  }
}

const NAMED_ERRORS: readonly string[] = [
  'MessageError',
  'ConfChangeError',
  'CodecError',
  'RaftInvariantError',
];

describe('a RawNode', () => {
  it('is not made with a switch that is neither on nor off', () => {
    const { storage } = memberWithLog([]);
    const config = { id: 1, storage, electionTick: 10, heartbeatTick: 1, maxInflightMsgs: 8 };
    for (const name of [
      'asyncStorageWrites',
      'checkQuorum',
      'preVote',
      'disableProposalForwarding',
      'disableConfChangeValidation',
      'stepDownOnRemoval',
    ]) {
      const make = () => new RawNode({ ...config, randomElectionJitter: Math.min, [name]: 'yes' });
      assert.throws(make, { name: 'ConfigError', message: `${name} must be true or false` });
    }
  });

  it('is not made without what it needs', () => {
    const storage = memberWithLog([]).storage;
    const config = {
      id: 1,
      storage,
      electionTick: 10,
      heartbeatTick: 1,
      maxInflightMsgs: 8,
      randomElectionJitter: () => 0,
    };
    for (const value of IMPOSSIBLE) {
      for (const name of [
        'id',
        'electionTick',
        'heartbeatTick',
        'maxInflightMsgs',
        'maxInflightBytes',
        'maxSizePerMsg',
        'maxCommittedSizePerReady',
        'maxUncommittedEntriesSize',
        'applied',
      ]) {
        const make = () => new RawNode({ ...config, [name]: value });
        assert.throws(
          make,
          (error: unknown) => error instanceof Error && error.message.includes(name),
        );
      }
    }
  });
});
