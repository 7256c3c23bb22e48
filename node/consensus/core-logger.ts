import type { Logger as CoreLogger } from 'etcd-raft-ts';
import { LogLevel } from 'etcd-raft-ts';
import type { Logger } from '../ports/index.ts';

/** The core's reports: its warnings and errors as such, the rest is not asked for. */
export function coreLogger(logger: Logger): CoreLogger {
  return {
    level: LogLevel.Warning,
    write: (level, text) => {
      if (level >= LogLevel.Error) logger.error({}, text);
      else logger.warn({}, text);
    },
  };
}
