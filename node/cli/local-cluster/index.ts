/** A whole local cluster as separate processes on one machine, each restarted when it dies. */
export { type LocalClusterOptions, runLocalCluster } from './local-cluster.ts';
