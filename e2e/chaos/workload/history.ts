import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';

/** What an item shows besides its id. */
export interface Row {
  readonly value: string;
  readonly stamp: string;
}

/** A request to one key. `ifMatch` is a version. */
export interface Call {
  readonly kind: 'read' | 'create' | 'put' | 'patch' | 'delete';
  readonly value: string;
  readonly stamp: string;
  readonly ifMatch: number | null;
  readonly ifAbsent: boolean;
}

/** What a client knows of a request in the end; `row` is null where the item is absent. */
export type Result =
  | { readonly kind: 'ok'; readonly version: number | null; readonly row: Row | null }
  /** Without effect, for a reason that lies in the key. */
  | { readonly kind: 'refused'; readonly code: string }
  /** Certainly without effect, and for a reason that tells nothing of the key. */
  | { readonly kind: 'none'; readonly code: string }
  /** It may have happened, and may still happen. */
  | { readonly kind: 'unknown'; readonly code: string };

/** Times are nanoseconds since the beginning of the run; `completed` null: never known. */
interface Span {
  readonly invoked: number;
  readonly completed: number | null;
}

export type ItemRecord = Span & {
  readonly kind: 'op';
  readonly client: number;
  readonly node: string;
  readonly key: string;
  readonly call: Call;
  readonly result: Result;
};

/** A sequential read, with the session token of its client. */
export type SessionRecord = Span & {
  readonly kind: 'session';
  readonly client: number;
  readonly node: string;
  readonly key: string;
  readonly result: Result;
};

/** A row with an id that the server makes, always with an idempotency key. */
export type TicketRecord = Span & {
  readonly kind: 'ticket';
  readonly client: number;
  readonly node: string;
  readonly stamp: string;
  readonly result: Result;
};

/** A write or a read of a row that every node takes by itself, on the node that was asked last. */
export type MemoRecord = Span & {
  readonly kind: 'memo';
  readonly client: number;
  readonly node: string;
  /** Which of the node's disks. */
  readonly disk: number;
  readonly key: string;
  readonly call: Call;
  readonly result: Result;
};

/** A disk that was taken away, and the local writes on it that nobody else had; null: not told. */
export interface DiskRecord {
  readonly kind: 'disk';
  readonly node: string;
  readonly disk: number;
  readonly waiting: number | null;
}

/** A version of a memo. */
export interface MemoVersion {
  readonly version: number;
  /** It lost against a later write. */
  readonly overridden: boolean;
  /** Null for a deletion. */
  readonly stamp: string | null;
}

/** What a member holds of a memo, its versions from the first on. */
export interface Memo {
  readonly stamp: string | null;
  readonly versions: readonly MemoVersion[];
}

export type FaultRecord = Span & {
  readonly kind: 'fault';
  readonly name: string;
  readonly detail: string;
};

/** What one member held when all were well again. */
export interface FinalRecord {
  readonly kind: 'final';
  readonly node: string;
  readonly items: Readonly<Record<string, { readonly version: number; readonly row: Row } | null>>;
  readonly tickets: readonly string[];
  readonly memos: Readonly<Record<string, Memo>>;
}

export interface RunRecord {
  readonly kind: 'run';
  readonly nodes: number;
  readonly seconds: number;
  readonly seed: number;
  readonly broken: string | null;
}

/** Something that must not happen, whatever the rest of the history says. */
export interface ProblemRecord {
  readonly kind: 'problem';
  readonly text: string;
}

export type HistoryRecord =
  | RunRecord
  | ItemRecord
  | SessionRecord
  | TicketRecord
  | MemoRecord
  | DiskRecord
  | FaultRecord
  | FinalRecord
  | ProblemRecord;

/** Keeps what happens, in memory and line by line in a file. */
export class Recorder {
  readonly records: HistoryRecord[] = [];
  readonly path: string;
  readonly #file: WriteStream;
  #startedMs = performance.now();

  constructor(path: string) {
    this.path = path;
    this.#file = createWriteStream(path);
  }

  /** The run begins now. */
  begin(run: RunRecord): void {
    this.#startedMs = performance.now();
    this.add(run);
  }

  /** Nanoseconds since the beginning of the run. */
  now(): number {
    return Math.round((performance.now() - this.#startedMs) * 1e6);
  }

  add(record: HistoryRecord): void {
    this.records.push(record);
    this.#file.write(`${JSON.stringify(record)}\n`);
  }

  problem(text: string): void {
    this.add({ kind: 'problem', text });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#file.end(resolve));
  }
}

/** @throws Error where a line is none of a history */
export function readHistory(path: string): HistoryRecord[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line, at) => parseRecord(line, at + 1));
}

const KINDS: readonly string[] = [
  'run',
  'op',
  'session',
  'ticket',
  'memo',
  'disk',
  'fault',
  'final',
  'problem',
];

function parseRecord(line: string, number: number): HistoryRecord {
  const value: unknown = JSON.parse(line);
  if (isRecord(value)) return value;
  throw new Error(`line ${number} is no record of a history`);
}

function isRecord(value: unknown): value is HistoryRecord {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  return KINDS.includes(String(value.kind));
}
