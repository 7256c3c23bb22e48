package main

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// state is one aggregate. Versions count up with every change and go on across a delete.
type state struct {
	version int
	exists  bool
	row     row
}

// input is a call, with what the whole history knows of its key.
type input struct {
	key   string
	call  call
	known map[int]state
}

// aggregates is the contract of one aggregate, key by key.
func aggregates() porcupine.Model {
	return porcupine.Model{
		Partition: byKey,
		Init:      func() interface{} { return state{} },
		Step: func(before, in, out interface{}) (bool, interface{}) {
			return step(before.(state), in.(input), out.(result))
		},
		DescribeOperation: func(in, out interface{}) string {
			return describe(in.(input), out.(result))
		},
		DescribeState: func(s interface{}) string { return describeState(s.(state)) },
	}
}

func byKey(history []porcupine.Operation) [][]porcupine.Operation {
	var keys []string
	parts := map[string][]porcupine.Operation{}
	for _, operation := range history {
		key := operation.Input.(input).key
		if _, met := parts[key]; !met {
			keys = append(keys, key)
		}
		parts[key] = append(parts[key], operation)
	}
	partitions := make([][]porcupine.Operation, 0, len(keys))
	for _, key := range keys {
		partitions = append(partitions, parts[key])
	}
	return partitions
}

// step says whether the operation can take effect on a state with the result that it had, and
// what it leaves. An operation of unknown outcome that would have been refused leaves all as it is.
func step(before state, in input, out result) (bool, state) {
	if out.Kind == "refused" {
		return refuses(before, in.call, out.Code), before
	}
	after, fits := effect(before, in.call)
	if out.Kind == "unknown" {
		if !fits {
			return true, before
		}
		return agrees(after, in.known), after
	}
	if !fits || !shows(after, in.call, out) {
		return false, before
	}
	return agrees(after, in.known), after
}

func effect(before state, c call) (state, bool) {
	switch c.Kind {
	case "read":
		return before, true
	case "create":
		return put(before, row{c.Value, c.Stamp}), !before.exists
	case "put":
		if c.IfAbsent {
			return put(before, row{c.Value, c.Stamp}), !before.exists
		}
		return put(before, row{c.Value, c.Stamp}), meets(before, c)
	case "patch":
		return put(before, row{before.row.Value, c.Stamp}), meets(before, c)
	case "delete":
		return state{version: before.version + 1}, meets(before, c)
	}
	panic("unknown call: " + c.Kind)
}

// put leaves the version as it is where nothing changes.
func put(before state, next row) state {
	if before.exists && before.row == next {
		return before
	}
	return state{before.version + 1, true, next}
}

func meets(before state, c call) bool {
	return before.exists && (c.IfMatch == nil || *c.IfMatch == before.version)
}

// shows compares an answer with the state that it was given from.
func shows(after state, c call, out result) bool {
	if out.Version != nil && *out.Version != after.version {
		return false
	}
	if c.Kind == "delete" {
		return true
	}
	if out.Row == nil {
		return !after.exists
	}
	return after.exists && *out.Row == after.row
}

// refuses says whether the state is a reason for the refusal.
func refuses(before state, c call, code string) bool {
	switch code {
	case "not_found":
		return !before.exists
	case "already_exists":
		return before.exists
	case "precondition_failed":
		if c.IfAbsent {
			return before.exists
		}
		return before.exists && c.IfMatch != nil && *c.IfMatch != before.version
	}
	return false
}

// agrees keeps a write of unknown outcome from taking a version that an answer gave to another
// write: a version is one row, for ever.
func agrees(after state, known map[int]state) bool {
	seen, told := known[after.version]
	return !told || seen == after
}

func describe(in input, out result) string {
	c := in.call
	text := c.Kind
	if c.Kind != "read" && c.Kind != "delete" {
		text += " " + c.Stamp
	}
	if c.IfMatch != nil {
		text += fmt.Sprintf(" if %d", *c.IfMatch)
	}
	if c.IfAbsent {
		text += " if absent"
	}
	return text + " → " + describeResult(out)
}

func describeResult(out result) string {
	switch {
	case out.Kind != "ok":
		return out.Kind + " " + out.Code
	case out.Row == nil:
		return "absent"
	case out.Version == nil:
		return out.Row.Value + "/" + out.Row.Stamp
	}
	return fmt.Sprintf("%d: %s/%s", *out.Version, out.Row.Value, out.Row.Stamp)
}

func describeState(s state) string {
	if !s.exists {
		return fmt.Sprintf("%d: absent", s.version)
	}
	return fmt.Sprintf("%d: %s/%s", s.version, s.row.Value, s.row.Stamp)
}
