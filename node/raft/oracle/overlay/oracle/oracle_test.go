// Package oracle answers scripts with the Go module's own interaction environment.
//
// It is compiled inside a copy of the module. For every file of the directory in
// ORACLE_SCRIPTS, run with -rewrite, it puts what the module prints under each directive.
package oracle

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/cockroachdb/datadriven"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/rafttest"
)

func TestScripts(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(os.Getenv("ORACLE_SCRIPTS"), "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			noteCurrent(path)
			s := newSession()
			datadriven.RunTest(t, path, s.run)
		})
	}
}

// noteCurrent tells who waits which script is being run.
func noteCurrent(path string) {
	current := filepath.Join(os.Getenv("ORACLE_SCRIPTS"), "current")
	if err := os.WriteFile(current, []byte(filepath.Base(path)), 0o600); err != nil {
		panic(err)
	}
}

// A session is one script: after a panic nothing more is run.
type session struct {
	env     *rafttest.InteractionEnv
	options []datadriven.CmdArg
	stopped string
}

func newSession() *session {
	s := &session{}
	s.env = rafttest.NewInteractionEnv(&rafttest.InteractionOpts{
		OnConfig:                     s.configure,
		SetRandomizedElectionTimeout: raft.SetElectionTimeout,
	})
	return s
}

func (s *session) run(t *testing.T, d *datadriven.TestData) (out string) {
	if s.stopped != "" {
		return s.stopped
	}
	defer func() {
		if cause := recover(); cause != nil {
			s.stopped = fmt.Sprintf("oracle stopped: %v", cause)
			out = s.stopped
		}
	}()
	switch d.Cmd {
	case "read-index":
		return s.printed(func() error {
			s.node(d).ReadIndex([]byte(d.CmdArgs[1].Key))
			return nil
		})
	case "report-snapshot":
		return s.printed(func() error {
			s.node(d).ReportSnapshot(number(d.CmdArgs[1].Key), status(d))
			return nil
		})
	case "restart":
		return s.printed(func() error { return s.env.Restart(number(d.CmdArgs[0].Key)) })
	case "add-nodes":
		s.options = d.CmdArgs
	}
	return s.env.Handle(t, *d)
}

func (s *session) printed(work func() error) string {
	s.env.Output.Reset()
	if err := work(); err != nil {
		panic(err)
	}
	if s.env.Output.Len() == 0 {
		return "ok"
	}
	return s.env.Output.String()
}

func (s *session) node(d *datadriven.TestData) *rafttest.Node {
	return &s.env.Nodes[number(d.CmdArgs[0].Key)-1]
}

func status(d *datadriven.TestData) raft.SnapshotStatus {
	switch d.CmdArgs[2].Key {
	case "finish":
		return raft.SnapshotFinish
	case "failure":
		return raft.SnapshotFailure
	}
	panic("expected finish or failure")
}

// configure sets the options that the module's own add-nodes does not know.
func (s *session) configure(c *raft.Config) {
	for _, option := range s.options {
		for _, value := range option.Vals {
			switch option.Key {
			case "max-size-per-msg":
				c.MaxSizePerMsg = number(value)
			case "max-inflight-bytes":
				c.MaxInflightBytes = number(value)
			case "max-uncommitted-size":
				c.MaxUncommittedEntriesSize = number(value)
			case "disable-proposal-forwarding":
				c.DisableProposalForwarding = value == "true"
			}
		}
	}
}

func number(text string) uint64 {
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return value
}
