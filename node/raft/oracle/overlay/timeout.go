package raft

// SetElectionTimeout overrides the randomized election timeout until the next change of term or role.
func SetElectionTimeout(node *RawNode, ticks int) {
	node.raft.randomizedElectionTimeout = ticks
}
