import type { ModelChangeResponse, OutboxStatus, WaitingStatus } from '@lithair/crds/contract';
import type { BackupPoint } from '../backup/index.ts';
import { ConsensusError } from '../consensus/index.ts';
import type { Clock, Logger } from '../ports/index.ts';
import {
  readAddMember,
  readBackupPoint,
  readFlag,
  readMemberId,
  readPromoteRegion,
  readTransfer,
} from './admin-requests.ts';
import { AdminError, asAdminError } from './errors.ts';
import type { MemberChanges } from './member-changes.ts';
import type { RegionPromotion } from './region-promotion.ts';
import { clusterStatus, memberStatuses, type NodeInfo } from './status.ts';
import type { MemberView } from './view.ts';

const REQUEST_TIMEOUT_MS = 15_000;
const RETRY_MS = 50;
/** A member that was removed hears of it from the first that it dials again. */
const REMOVAL_NEWS_MS = 5_000;
/** A member that was to be removed, and was not, takes local writes again. */
const OUTBOX_CLOSED_MS = 5_000;
const REMOVED: AdminResponse = { status: 204, body: undefined };

/** A request to the admin API, apart from HTTP. */
export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
}

/** Its answer; a status from 400 on comes with an RFC 9457 problem (or a WaitingStatus). */
export interface AdminResponse {
  readonly status: number;
  readonly body: unknown;
  /** Methods that are allowed here; for 405. */
  readonly allow?: string;
  /** In place of a body: bytes that are sent as they come. */
  readonly stream?: AsyncIterable<Uint8Array>;
}

/** Whoever answers the admin API at this stage of the node's life. */
export interface AdminHandler {
  handle(request: AdminRequest): Promise<AdminResponse>;
}

/**
 * Executes a model change on the leader. May throw AdminError `breaking_change`, `invalid_model`
 * or `model_change_in_progress`, and what proposing throws.
 */
export type ChangeModel = (spec: unknown, dryRun: boolean) => Promise<ModelChangeResponse>;

/**
 * A stream of what a backup lacks behind a point; null: of everything. It includes all that was
 * acknowledged before the call. May throw AdminError `other_history`.
 */
export type BackUp = (after: BackupPoint | null) => Promise<AsyncIterable<Uint8Array>>;

/** What a member answers that has removed what is not kept any more. */
export interface Compacted {
  /** Entries up to here are in no file any more. */
  readonly index: number;
  /** Generations of history up to here are archived. */
  readonly generation: number;
}

/** Removal of what is not kept any more. `seal` runs on the leader, `compact` on any member. */
export interface Compaction {
  /** Seals the history in memory, on all members; errors as those of proposing. */
  seal(): Promise<void>;
  /** @param seal seals through the leader, wherever it is */
  compact(seal: () => Promise<void>): Promise<Compacted>;
}

/** What the admin API of a member is made of. */
export interface AdminApiDependencies {
  readonly view: MemberView;
  readonly changes: MemberChanges;
  readonly changeModel: ChangeModel;
  readonly backUp: BackUp;
  readonly compaction: Compaction;
  readonly regionPromotion: RegionPromotion;
  /** Takes no local writes for so long, and tells what still waits; null where there are none. */
  readonly closeOutbox: (forMs: number) => OutboxStatus | null;
  readonly info: NodeInfo;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Action = (request: AdminRequest, id: string) => Promise<AdminResponse>;

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly act: Action;
  /** Where it is executed. */
  readonly on: 'any' | 'leader';
}

/** The admin API of a member that belongs to a cluster. Any member takes any request. */
export class AdminApi implements AdminHandler {
  readonly #deps: AdminApiDependencies;
  readonly #routes: readonly Route[];
  readonly #removed = Promise.withResolvers<void>();

  constructor(deps: AdminApiDependencies) {
    this.#deps = deps;
    this.#routes = this.#table();
    deps.view.serveAdmin((_from, body) => this.#serveForwarded(body));
  }

  /** As {@link MemberChanges.heldBack}. */
  heldBack(id: number): string | null {
    return this.#deps.changes.heldBack(id);
  }

  async handle(request: AdminRequest): Promise<AdminResponse> {
    try {
      const { route, id } = this.#find(request);
      if (route.on === 'any') return await route.act(request, id);
      const answer = this.#onLeader(route, id, request);
      return await (this.#isOwnRemoval(request, id) ? this.#unlessGone(answer) : answer);
    } catch (error) {
      return this.#refusal(request, error);
    }
  }

  /** This member was removed: whoever asked it for that hears that it is done. */
  onRemoved(): void {
    this.#removed.resolve();
  }

  #isOwnRemoval({ method }: AdminRequest, id: string): boolean {
    return method === 'DELETE' && id === String(this.#deps.view.memberId);
  }

  /** The leader ends its connections to whom it removes, so its answer may never come. */
  async #unlessGone(answer: Promise<AdminResponse>): Promise<AdminResponse> {
    const isGone = this.#removed.promise.then((): AdminResponse => REMOVED);
    const settled = answer.catch((error: unknown) => problemResponse(asAdminError(error)));
    const first = await Promise.race([settled, isGone]);
    if (first.status < 500) return first;
    const { clock } = this.#deps;
    const tooLong = new Promise<AdminResponse>(
      (resolve) => void clock.after(REMOVAL_NEWS_MS, () => resolve(first)),
    );
    return Promise.race([isGone, tooLong]);
  }

  #table(): readonly Route[] {
    const route = (on: Route['on'], method: string, path: string, act: Action): Route => ({
      on,
      method,
      pattern: new RegExp(`^/_admin/${path.replace('{id}', '([^/]+)')}$`),
      act,
    });
    return [
      route('any', 'GET', 'status', () => this.#status()),
      route('any', 'GET', 'members', () => this.#members()),
      route('leader', 'POST', 'members', ({ body }) => this.#addMember(body)),
      route('leader', 'DELETE', 'members/{id}', ({ query }, id) => this.#removeMember(id, query)),
      route('leader', 'POST', 'members/{id}/promote', (_, id) => this.#promote(id)),
      route('leader', 'POST', 'transfer', ({ body }) => this.#transfer(body)),
      route('leader', 'PUT', 'model', (request) => this.#changeModel(request)),
      route('any', 'POST', 'snapshot', () => this.#snapshot()),
      route('any', 'POST', 'outbox/drain', () => this.#drainOutbox()),
      route('any', 'POST', 'promote-region', ({ body }) => this.#promoteRegion(body)),
      route('leader', 'POST', 'seal', () => this.#seal()),
      route('any', 'POST', 'compact', () => this.#compact()),
      route('any', 'GET', 'backup', ({ query }) => this.#backUp(query)),
    ];
  }

  #find(request: AdminRequest): { route: Route; id: string } {
    const { method, path } = request;
    const here = this.#routes.filter(({ pattern }) => pattern.test(path));
    if (here.length === 0) throw new AdminError('not_found', `there is no ${path.slice(0, 200)}`);
    const route = here.find((candidate) => candidate.method === method);
    if (route !== undefined) return { route, id: route.pattern.exec(path)?.[1] ?? '' };
    throw new AdminError('method_not_allowed', `${method.slice(0, 20)} is not possible here`);
  }

  /** Here where this member leads, else through the peer link; again where the leader changed. */
  async #onLeader(route: Route, id: string, request: AdminRequest): Promise<AdminResponse> {
    const { clock, view } = this.#deps;
    const dueMs = clock.monotonicMs() + REQUEST_TIMEOUT_MS;
    const body = Buffer.from(JSON.stringify(request));
    for (;;) {
      const leftMs = dueMs - clock.monotonicMs();
      if (leftMs <= 0)
        throw new AdminError('unavailable', 'no leader with a quorum was found in time');
      const answer = view.leading ? null : await view.forwardAdmin(body, leftMs);
      const response = answer === null ? await this.#tryHere(route, id, request) : parse(answer);
      if (response !== null) return response;
      await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
    }
  }

  /** Null where this member does not lead (any more), and nothing was changed. */
  async #tryHere(route: Route, id: string, request: AdminRequest): Promise<AdminResponse | null> {
    try {
      return await route.act(request, id);
    } catch (error) {
      if (error instanceof ConsensusError && error.code !== 'change_refused') return null;
      return this.#refusal(request, error);
    }
  }

  async #serveForwarded(body: Uint8Array): Promise<Uint8Array> {
    const request: unknown = JSON.parse(Buffer.from(body).toString());
    if (!isRequest(request)) throw new TypeError('not an admin request');
    const response = await this.#answerForwarded(request);
    return Buffer.from(JSON.stringify(response));
  }

  async #answerForwarded(request: AdminRequest): Promise<AdminResponse | null> {
    try {
      const { route, id } = this.#find(request);
      return await this.#tryHere(route, id, request);
    } catch (error) {
      return this.#refusal(request, error);
    }
  }

  #refusal(request: AdminRequest, error: unknown): AdminResponse {
    const refusal = asAdminError(error);
    if (refusal.code === 'internal') {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#deps.logger.error({ path: request.path, reason }, 'an admin request failed');
    }
    const response = problemResponse(refusal);
    if (refusal.code !== 'method_not_allowed') return response;
    const here = this.#routes.filter(({ pattern }) => pattern.test(request.path));
    return { ...response, allow: here.map(({ method }) => method).join(', ') };
  }

  async #status(): Promise<AdminResponse> {
    const status = clusterStatus(this.#deps.view, this.#deps.info);
    if (status === null) throw new AdminError('unavailable', 'waiting for the first snapshot');
    return { status: 200, body: status };
  }

  async #members(): Promise<AdminResponse> {
    const { view, info } = this.#deps;
    if (view.state === null) throw new AdminError('unavailable', 'waiting for the first snapshot');
    const members = memberStatuses(view.state.members(), view.status(), view.confState, info);
    return { status: 200, body: { members } };
  }

  async #addMember(body: unknown): Promise<AdminResponse> {
    return { status: 200, body: await this.#deps.changes.add(readAddMember(body)) };
  }

  async #removeMember(id: string, query: string): Promise<AdminResponse> {
    const onlyLost = readFlag(new URLSearchParams(query), 'lost');
    await this.#deps.changes.remove(readMemberId(id), onlyLost);
    return { status: 204, body: undefined };
  }

  async #promote(id: string): Promise<AdminResponse> {
    await this.#deps.changes.promote(readMemberId(id));
    return { status: 204, body: undefined };
  }

  async #transfer(body: unknown): Promise<AdminResponse> {
    return { status: 200, body: { leader: await this.#deps.changes.transfer(readTransfer(body)) } };
  }

  async #changeModel({ body, query }: AdminRequest): Promise<AdminResponse> {
    if (body === undefined) throw new AdminError('invalid_request', 'the body is missing');
    const dryRun = readFlag(new URLSearchParams(query), 'dryRun');
    return { status: 200, body: await this.#deps.changeModel(body, dryRun) };
  }

  async #backUp(query: string): Promise<AdminResponse> {
    if (this.#deps.view.state === null) {
      throw new AdminError('unavailable', 'waiting for the first snapshot');
    }
    const after = readBackupPoint(new URLSearchParams(query));
    return { status: 200, body: undefined, stream: await this.#deps.backUp(after) };
  }

  async #promoteRegion(body: unknown): Promise<AdminResponse> {
    const request = readPromoteRegion(body);
    return { status: 200, body: await this.#deps.regionPromotion.promote(request) };
  }

  #drainOutbox(): Promise<AdminResponse> {
    return Promise.resolve({ status: 200, body: this.#deps.closeOutbox(OUTBOX_CLOSED_MS) });
  }

  async #seal(): Promise<AdminResponse> {
    await this.#deps.compaction.seal();
    return { status: 204, body: undefined };
  }

  async #compact(): Promise<AdminResponse> {
    const seal = async (): Promise<void> => {
      const request = { method: 'POST', path: '/_admin/seal', query: '', body: undefined };
      const { status, body } = await this.handle(request);
      if (status >= 300) throw new AdminError('unavailable', detailOf(body));
    };
    return { status: 200, body: await this.#deps.compaction.compact(seal) };
  }

  async #snapshot(): Promise<AdminResponse> {
    if (this.#deps.view.state === null) {
      throw new AdminError('unavailable', 'waiting for the first snapshot');
    }
    const { index, term } = await this.#deps.view.takeSnapshot();
    return { status: 200, body: { index, term } };
  }
}

/** Answers while the node has no cluster yet. */
export function waitingHandler(name: string, version: string): AdminHandler {
  return {
    handle: ({ method, path }) => {
      const waiting: WaitingStatus = { waiting: true, name, version };
      if (method === 'GET' && path === '/_admin/status') {
        return Promise.resolve({ status: 503, body: waiting });
      }
      const text = 'this node waits to bootstrap a cluster or to be taken into one';
      return Promise.resolve(problemResponse(new AdminError('no_cluster', text)));
    },
  };
}

/**
 * Answers while a node whose disk knows its cluster restores its state. It must not say that it
 * waits: the first member, with an empty disk, would take that for leave to found another cluster.
 */
export function startingHandler(): AdminHandler {
  const starting = new AdminError('unavailable', 'this node has a cluster and restores its state');
  return { handle: () => Promise.resolve(problemResponse(starting)) };
}

/** A refusal as RFC 9457 describes it. */
export function problemResponse(error: AdminError): AdminResponse {
  const { status, code, message, errors } = error;
  const problem = { type: 'about:blank', title: titleOf(code), status, code, detail: message };
  return { status, body: errors.length === 0 ? problem : { ...problem, errors } };
}

function titleOf(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The answer of a member; null where it was not the leader. */
function parse(answer: Uint8Array): AdminResponse | null {
  const response: unknown = JSON.parse(Buffer.from(answer).toString());
  if (response === null || isResponse(response)) return response;
  throw new TypeError('not the answer to an admin request');
}

function isRequest(value: unknown): value is AdminRequest {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['method', 'path', 'query'].every((key) => typeof Reflect.get(value, key) === 'string')
  );
}

function isResponse(value: unknown): value is AdminResponse {
  return (
    typeof value === 'object' &&
    value !== null &&
    'status' in value &&
    typeof value.status === 'number'
  );
}

function detailOf(body: unknown): string {
  const isProblem = typeof body === 'object' && body !== null && 'detail' in body;
  return isProblem ? String(body.detail) : 'the leader could not seal the history';
}
