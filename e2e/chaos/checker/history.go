package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// maxLine bounds one line of a history.
const maxLine = 1 << 20

// row is what an aggregate shows; nil where it does not exist.
type row struct {
	Value string `json:"value"`
	Stamp string `json:"stamp"`
}

// call is a request to one key. IfMatch is nil where it has no such condition.
type call struct {
	Kind     string `json:"kind"`
	Value    string `json:"value"`
	Stamp    string `json:"stamp"`
	IfMatch  *int   `json:"ifMatch"`
	IfAbsent bool   `json:"ifAbsent"`
}

// result is what the client knows in the end: ok, refused with a code that tells something of
// the key, none (certainly without effect) or unknown.
type result struct {
	Kind    string `json:"kind"`
	Code    string `json:"code"`
	Version *int   `json:"version"`
	Row     *row   `json:"row"`
}

// record is one line; only those of kind "op" and "fault" matter here. Times are nanoseconds.
type record struct {
	Kind      string `json:"kind"`
	Client    int    `json:"client"`
	Key       string `json:"key"`
	Node      string `json:"node"`
	Call      call   `json:"call"`
	Result    result `json:"result"`
	Invoked   int64  `json:"invoked"`
	Completed *int64 `json:"completed"`
	Name      string `json:"name"`
	Detail    string `json:"detail"`
}

func readHistory(path string) ([]record, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var records []record
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64*1024), maxLine)
	for number := 1; lines.Scan(); number++ {
		var read record
		if err := json.Unmarshal(lines.Bytes(), &read); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		if read.Kind == "op" || read.Kind == "fault" {
			records = append(records, read)
		}
	}
	return records, lines.Err()
}
