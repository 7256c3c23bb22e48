// Checks a history of the chaos run for linearizability, with Porcupine.
//
//	checker [-timeout 120s] [-picture FILE.html] HISTORY.ndjson
//
// It prints one JSON object: {"verdict": "Ok" | "Illegal" | "Unknown", "operations": n, "keys":
// [keys without an order], "seconds": s}. Exit code 0 for Ok, 1 for anything else, 2 where the
// history cannot be read. The picture is written unless the verdict is Ok.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

type report struct {
	Verdict    porcupine.CheckResult `json:"verdict"`
	Operations int                   `json:"operations"`
	Keys       []string              `json:"keys"`
	Seconds    float64               `json:"seconds"`
}

func main() {
	timeout := flag.Duration("timeout", 2*time.Minute, "for the whole check; undecided after that")
	picture := flag.String("picture", "", "where the picture of a history that fails goes")
	flag.Parse()
	if flag.NArg() != 1 {
		fail(fmt.Errorf("one history is needed"))
	}
	records, err := readHistory(flag.Arg(0))
	if err != nil {
		fail(err)
	}
	done, err := check(records, *timeout, *picture)
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(done); err != nil {
		fail(err)
	}
	if done.Verdict != porcupine.Ok {
		os.Exit(1)
	}
}

// check decides key by key, so that a key that fails is named and drawn alone.
func check(records []record, timeout time.Duration, picture string) (report, error) {
	started := time.Now()
	model := aggregates()
	history := operationsOf(records)
	done := report{Verdict: porcupine.Ok, Operations: len(history), Keys: []string{}}
	for _, part := range byKey(history) {
		left := timeout - time.Since(started)
		if left <= 0 {
			left = time.Nanosecond
		}
		verdict, info := porcupine.CheckOperationsVerbose(model, part, left)
		if verdict == porcupine.Ok {
			continue
		}
		done.Keys = append(done.Keys, part[0].Input.(input).key)
		if done.Verdict == porcupine.Illegal {
			continue
		}
		done.Verdict = verdict
		if picture != "" {
			info.AddAnnotations(annotationsOf(records))
			if err := porcupine.VisualizePath(model, info, picture); err != nil {
				return done, err
			}
		}
	}
	done.Seconds = time.Since(started).Seconds()
	return done, nil
}

// operationsOf leaves out what had no effect and told nothing. An unknown outcome stays open: it
// may take effect until after everything else.
func operationsOf(records []record) []porcupine.Operation {
	end := endOf(records) + 1
	known := map[string]map[int]state{}
	var history []porcupine.Operation
	for _, r := range records {
		if r.Kind != "op" || r.Result.Kind == "none" {
			continue
		}
		if known[r.Key] == nil {
			known[r.Key] = map[int]state{}
		}
		learn(known[r.Key], r)
		operation := porcupine.Operation{
			ClientId: r.Client,
			Input:    input{r.Key, r.Call, known[r.Key]},
			Call:     r.Invoked,
			Output:   r.Result,
			Return:   end,
			Metadata: r.Node,
		}
		if r.Completed != nil && r.Result.Kind != "unknown" {
			operation.Return = *r.Completed
		}
		history = append(history, operation)
	}
	return oneAtATime(history)
}

// learn notes which row a version is. Where two answers differ, the first counts, and the other
// fits nowhere.
func learn(known map[int]state, r record) {
	version, seen := r.Result.Version, r.Result.Row
	if r.Result.Kind != "ok" || version == nil || seen == nil {
		return
	}
	if _, told := known[*version]; !told {
		known[*version] = state{*version, true, *seen}
	}
}

// oneAtATime gives an operation that begins while another of its client is open another client:
// the picture has one line for each.
func oneAtATime(history []porcupine.Operation) []porcupine.Operation {
	sort.SliceStable(history, func(i, j int) bool { return history[i].Call < history[j].Call })
	var busyUntil []int64
	for i := range history {
		lane := 0
		for lane < len(busyUntil) && busyUntil[lane] >= history[i].Call {
			lane++
		}
		if lane == len(busyUntil) {
			busyUntil = append(busyUntil, 0)
		}
		busyUntil[lane] = history[i].Return
		history[i].ClientId = lane
	}
	return history
}

func endOf(records []record) int64 {
	var end int64
	for _, r := range records {
		if r.Invoked > end {
			end = r.Invoked
		}
		if r.Completed != nil && *r.Completed > end {
			end = *r.Completed
		}
	}
	return end
}

func annotationsOf(records []record) []porcupine.Annotation {
	var faults []porcupine.Annotation
	for _, r := range records {
		if r.Kind != "fault" {
			continue
		}
		end := r.Invoked
		if r.Completed != nil {
			end = *r.Completed
		}
		faults = append(faults, porcupine.Annotation{
			Tag:             "faults",
			Start:           r.Invoked,
			End:             end,
			Description:     r.Name,
			Details:         r.Detail,
			BackgroundColor: "#f4c7c3",
		})
	}
	return faults
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "checker:", err)
	os.Exit(2)
}
