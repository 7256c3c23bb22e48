import type { Evidence } from './evidence.ts';
import { type KeyOperation, keyName, keyOfName } from './key-model.ts';
import { idOf, stampOf } from './row.ts';
import type { Operation, Violation } from './types.ts';

/**
 * Read your writes and monotonic reads (Terry et al., 1994), told from versions alone: what a
 * session saw or wrote of an aggregate, it never sees older again.
 */
export function checkSessions(evidence: Evidence): Violation[] {
  const sessions = new Map<number, Session>();
  const versions = versionsOfStamps(evidence);
  return evidence.history.operations.flatMap((operation) => {
    if (operation.session === null || operation.result.kind !== 'ok') return [];
    const known = sessions.get(operation.session);
    const session = known ?? new Session(evidence, versions);
    if (known === undefined) sessions.set(operation.session, session);
    return session.next(operation);
  });
}

/** Newest version that a session knows of an aggregate, and how. */
interface Floor {
  readonly version: number;
  /** Whether that version is the one that a delete made, at least. */
  readonly gone: boolean;
  readonly operation: Operation;
}

class Session {
  readonly #evidence: Evidence;
  readonly #versions: ReadonlyMap<string, number>;
  readonly #floors = new Map<string, Floor>();

  constructor(evidence: Evidence, versions: ReadonlyMap<string, number>) {
    this.#evidence = evidence;
    this.#versions = versions;
  }

  next(operation: Operation): Violation[] {
    const { call, result } = operation;
    if (result.kind !== 'ok') return [];
    if (call.kind === 'delete') {
      this.#bury(keyName(call.model, call.id), operation);
      return [];
    }
    if (call.kind === 'read' && result.rows.length === 0) return this.#absent(operation, call);
    return result.rows.flatMap((row) => {
      const version = result.version ?? this.#versions.get(stampOf(row));
      if (version === undefined) return [];
      return this.#saw(operation, keyName(call.model, idOf(row)), version);
    });
  }

  #saw(operation: Operation, name: string, version: number): Violation[] {
    const floor = this.#floors.get(name);
    this.#raise(name, version, operation);
    if (floor === undefined || version >= floor.version) return [];
    return [backwards(operation, floor, name, `version ${version}`)];
  }

  /** Somebody must have deleted what the session knew; that version is over for it. */
  #absent(operation: Operation, { model, id }: { model: string; id: string }): Violation[] {
    const name = keyName(model, id);
    const floor = this.#floors.get(name);
    if (floor === undefined) return [];
    this.#bury(name, operation);
    const end = operation.completed?.order ?? Number.POSITIVE_INFINITY;
    const all = this.#evidence.keys.get(name) ?? [];
    if (all.some((other) => isDelete(other) && other.invoked < end)) return [];
    return [backwards(operation, floor, name, 'nothing')];
  }

  #raise(name: string, version: number, operation: Operation): void {
    const floor = this.#floors.get(name);
    if (floor === undefined || floor.version < version) {
      this.#floors.set(name, { version, gone: false, operation });
    }
  }

  /** The delete took a version of its own, behind the newest that the session knows. */
  #bury(name: string, operation: Operation): void {
    const floor = this.#floors.get(name);
    if (floor === undefined || floor.gone) return;
    this.#floors.set(name, { version: floor.version + 1, gone: true, operation });
  }
}

function isDelete({ call, result }: KeyOperation): boolean {
  return call.kind === 'delete' && result.kind !== 'failed';
}

function backwards(operation: Operation, floor: Floor, name: string, what: string): Violation {
  const message = `${name}: session ${operation.session} met version ${floor.version}, and then ${what}`;
  const operations = [floor.operation, operation];
  return { check: 'sessions', message, key: keyOfName(name), operations };
}

/** Lists show no versions; their rows name the write, and other answers the version of that. */
function versionsOfStamps({ sightings }: Evidence): Map<string, number> {
  const versions = new Map<string, number>();
  for (const { row, version } of sightings) {
    if (version !== null) versions.set(stampOf(row), version);
  }
  return versions;
}
