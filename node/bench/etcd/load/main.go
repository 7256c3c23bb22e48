// Puts one key again and again over gRPC, from so many clients that each wait for their answer, and
// prints {"requestsPerSecond": n, "failed": n}.
//
//	load -endpoint 127.0.0.1:2379 -clients 64 -seconds 5 -bytes 200
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

type result struct {
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	Failed            int64   `json:"failed"`
}

func main() {
	endpoint := flag.String("endpoint", "127.0.0.1:2379", "of the member that takes the writes")
	clients := flag.Int("clients", 64, "connections, each with one request under way")
	seconds := flag.Float64("seconds", 5, "how long")
	size := flag.Int("bytes", 200, "length of the value")
	flag.Parse()
	measured, err := run(*endpoint, *clients, *seconds, strings.Repeat("x", *size))
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(measured); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(endpoint string, clients int, seconds float64, value string) (result, error) {
	duration := time.Duration(seconds * float64(time.Second))
	ctx, cancel := context.WithTimeout(context.Background(), duration+10*time.Second)
	defer cancel()
	var done, failed atomic.Int64
	var wait sync.WaitGroup
	connected := make([]*clientv3.Client, clients)
	for i := range connected {
		client, err := clientv3.New(clientv3.Config{
			Endpoints:   []string{endpoint},
			DialTimeout: 5 * time.Second,
		})
		if err != nil {
			return result{}, err
		}
		defer client.Close()
		if _, err := client.Put(ctx, "first", value); err != nil {
			return result{}, err
		}
		connected[i] = client
	}
	started := time.Now()
	for i, client := range connected {
		wait.Add(1)
		go func() {
			defer wait.Done()
			key := fmt.Sprintf("bench-%d", i)
			for time.Since(started) < duration {
				if _, err := client.Put(ctx, key, value); err != nil {
					failed.Add(1)
				} else {
					done.Add(1)
				}
			}
		}()
	}
	wait.Wait()
	rate := float64(done.Load()) / time.Since(started).Seconds()
	return result{rate, failed.Load()}, nil
}
