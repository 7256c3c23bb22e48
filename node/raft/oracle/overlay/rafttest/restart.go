package rafttest

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// Restart crashes a node and starts it again from what is durable: its log and hard state as far
// as they were persisted, and the application's state as of the last entry that it applied.
func (env *InteractionEnv) Restart(id uint64) error {
	n := &env.Nodes[id-1]
	env.Messages = withoutOwn(env.Messages, id)
	n.AppendWork, n.ApplyWork = nil, nil
	state, err := recoverState(n)
	if err != nil {
		return err
	}
	config := *n.Config
	config.Applied = n.History[len(n.History)-1].GetMetadata().GetIndex()
	config.Storage = recoveredStorage{Storage: n.Storage, state: state}
	if err := recoverCommit(n, config.Applied); err != nil {
		return err
	}
	node, err := raft.NewRawNode(&config)
	if err != nil {
		return err
	}
	n.RawNode, n.Config = node, &config
	return nil
}

// withoutOwn leaves out what a node says to itself, and what its storage threads say to it.
func withoutOwn(messages []*pb.Message, id uint64) []*pb.Message {
	var rest []*pb.Message
	for _, m := range messages {
		if m.GetTo() != id || m.GetFrom() != id && !raft.IsLocalMsgTarget(m.GetFrom()) {
			rest = append(rest, m)
		}
	}
	return rest
}

// recoverState finds the membership as of what is applied. A snapshot that was persisted and is
// ahead of the application is installed first.
func recoverState(n *Node) (*pb.ConfState, error) {
	snapshot, err := n.Storage.(snapOverrideStorage).Storage.Snapshot()
	if err != nil {
		return nil, err
	}
	index := snapshot.GetMetadata().GetIndex()
	if index > n.History[len(n.History)-1].GetMetadata().GetIndex() {
		n.History = append(n.History, snapshot)
	}
	state := snapshot.GetMetadata().GetConfState()
	for i := 1; i < len(n.History); i++ {
		changed := n.History[i].GetMetadata().GetConfState()
		if n.History[i].GetMetadata().GetIndex() <= index {
			continue
		}
		if changed != n.History[i-1].GetMetadata().GetConfState() {
			state = changed
		}
	}
	return state, nil
}

// recoverCommit makes good for a commit index that was applied but not persisted.
func recoverCommit(n *Node, applied uint64) error {
	hard, _, err := n.Storage.InitialState()
	if err != nil || raft.IsEmptyHardState(hard) || hard.GetCommit() >= applied {
		return err
	}
	hard.Commit = &applied
	return n.Storage.SetHardState(hard)
}

type recoveredStorage struct {
	Storage
	state *pb.ConfState
}

func (s recoveredStorage) InitialState() (*pb.HardState, *pb.ConfState, error) {
	hard, _, err := s.Storage.InitialState()
	return hard, s.state, err
}
