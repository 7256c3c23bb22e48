/** Exit codes of every command, a node's process included. */
export const EXIT = {
  ok: 0,
  /** The work failed, or what was given is not valid. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** The data directory was refused: locked, of another cluster, or corrupt. */
  dataRefused: 3,
  /** A disk error ended the process. */
  failStop: 4,
  /** The node begins again in this process; no process ends with it. */
  again: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
