import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessageType } from 'etcd-raft-ts';
import { Elections, type Told } from './elections.ts';
import { BrokenPromise } from './index.ts';

function message(type: MessageType, term: number, from: number, to: number, reject = false): Told {
  return { type, term, from, to, reject };
}

function tell(...messages: readonly Told[]): Elections {
  const elections = new Elections();
  for (const each of messages) elections.onSend(each);
  return elections;
}

describe('election safety', () => {
  it('holds while members vote once a term and a term has one leader', () => {
    const elections = tell(
      message(MessageType.Vote, 2, 1, 2),
      message(MessageType.VoteResp, 2, 2, 1),
      message(MessageType.VoteResp, 2, 2, 1),
      message(MessageType.VoteResp, 2, 2, 3, true),
      message(MessageType.Heartbeat, 2, 1, 2),
      message(MessageType.App, 2, 1, 3),
      message(MessageType.VoteResp, 3, 2, 3),
      message(MessageType.App, 3, 3, 2),
    );
    assert.equal(elections.terms, 2);
  });

  it('is broken by a second vote in a term', () => {
    const votes = [message(MessageType.VoteResp, 2, 2, 1), message(MessageType.VoteResp, 2, 2, 3)];
    assert.throws(() => tell(...votes), BrokenPromise);
  });

  it('holds where a candidate lost its own vote with the power, and then votes for another', () => {
    tell(message(MessageType.Vote, 2, 1, 2), message(MessageType.VoteResp, 2, 1, 3));
  });

  it('is broken by a second leader of a term', () => {
    const words = [message(MessageType.App, 2, 1, 2), message(MessageType.Heartbeat, 2, 3, 2)];
    assert.throws(() => tell(...words), BrokenPromise);
  });
});
