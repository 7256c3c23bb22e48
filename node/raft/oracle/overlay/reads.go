package raft

import pb "go.etcd.io/raft/v3/raftpb"

// decidesAlone tells a single voter that leads from a leader that was removed and left one behind.
func (r *raft) decidesAlone() bool {
	_, voter := r.trk.Voters[0][r.id]
	return voter && r.trk.IsSingleton()
}

func (r *raft) answerRead(m *pb.Message) {
	if answer := r.responseToReadIndexReq(m, r.raftLog.committed); answer.GetTo() != None {
		r.send(answer)
	}
}
