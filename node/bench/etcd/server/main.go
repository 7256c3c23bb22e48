// etcd as its own module builds it, pinned in go.mod: the baseline of replicated writes and of
// changes of the leader.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
