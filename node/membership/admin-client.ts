import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import {
  ADMIN_ALPN,
  type AddMemberRequest,
  type AddMemberResponse,
  type ClusterStatus,
  type MemberStatus,
  type ModelChangeResponse,
  type PromoteRegionRequest,
  type PromoteRegionResponse,
  type WaitingStatus,
} from '@lithair/crds/contract';
import { identityOf } from '@lithair/crds/identity';
import type { BackupPoint } from '../backup/index.ts';
import {
  parseAddress,
  peerIdentityError,
  secureOptions,
  type TlsMaterial,
} from '../consensus/index.ts';
import type { Compacted } from './admin-api.ts';

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 20_000;
/** A status is answered from memory: whoever has not by then is gone, and others are asked. */
const STATUS_TIMEOUT_MS = 2_000;

/** Whom to ask, and as whom. */
export interface AdminClientOptions {
  /** `host:port` of a member's peer listener. */
  readonly address: string;
  /** Certificate of a member or an administrator. */
  readonly material: TlsMaterial;
  /** The member that must answer; null: any member of the cluster's authority. */
  readonly member: string | null;
  readonly timeoutMs?: number;
  /** How a request gets there; default HTTP over TLS. */
  readonly exchange?: AdminExchange;
}

/**
 * Brings a request to a member. `path` is that behind `/_admin/`.
 *
 * @throws AdminUnreachableError
 */
export type AdminExchange = (
  method: string,
  path: string,
  body: unknown,
  timeoutMs: number,
) => Promise<AdminAnswer>;

/** The member answered, and refused. */
export class AdminRefusedError extends Error {
  override readonly name = 'AdminRefusedError';
  readonly status: number;
  /** The problem's code, such as `last_voter`. */
  readonly code: string;
  /** The whole problem. */
  readonly problem: unknown;

  constructor(status: number, code: string, detail: string, problem: unknown) {
    super(detail);
    this.status = status;
    this.code = code;
    this.problem = problem;
  }
}

/** No answer: nobody there, no valid certificate, or not in time. */
export class AdminUnreachableError extends Error {
  override readonly name = 'AdminUnreachableError';
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * The admin API from outside. All methods throw AdminRefusedError or AdminUnreachableError.
 * Answers are those of a member that has shown a certificate of the same authority.
 */
export class AdminClient {
  readonly #options: AdminClientOptions;

  constructor(options: AdminClientOptions) {
    this.#options = options;
  }

  /** The member's status, or that it waits for a cluster. */
  async status(): Promise<ClusterStatus | WaitingStatus> {
    const { status, body } = await this.#send('GET', 'status', undefined, STATUS_TIMEOUT_MS);
    if (isWaiting(body)) return body;
    return requireBody(status, body, isClusterStatus);
  }

  async members(): Promise<readonly MemberStatus[]> {
    const { status, body } = await this.#send('GET', 'members');
    return requireBody(status, body, isMemberList).members;
  }

  async addMember(member: AddMemberRequest): Promise<AddMemberResponse> {
    const { status, body } = await this.#send('POST', 'members', member);
    return requireBody(status, body, isPlace);
  }

  /** @param onlyLost refuses a member that still answers */
  async removeMember(id: number, onlyLost = false): Promise<void> {
    const { status, body } = await this.#send('DELETE', `members/${id}?lost=${onlyLost}`);
    requireSuccess(status, body);
  }

  async promoteMember(id: number): Promise<void> {
    const { status, body } = await this.#send('POST', `members/${id}/promote`);
    requireSuccess(status, body);
  }

  /** Hands leadership over; null: to whoever is furthest along. The new leader's id. */
  async transferLeadership(to: number | null): Promise<number> {
    const { status, body } = await this.#send('POST', 'transfer', { to });
    return requireBody(status, body, isLeader).leader;
  }

  /** Submits a LithairModel's spec. */
  async changeModel(spec: unknown, dryRun: boolean): Promise<ModelChangeResponse> {
    const { status, body } = await this.#send('PUT', `model?dryRun=${dryRun}`, spec);
    return requireBody(status, body, isModelChange);
  }

  /** Promotes the region of this member, or tells what that would mean where it is not confirmed. */
  async promoteRegion(request: PromoteRegionRequest): Promise<PromoteRegionResponse> {
    const { status, body } = await this.#send('POST', 'promote-region', request);
    return requireBody(status, body, isPromotion);
  }

  /** Makes this member write a snapshot now. */
  async takeSnapshot(): Promise<{ readonly index: number; readonly term: number }> {
    const { status, body } = await this.#send('POST', 'snapshot');
    return requireBody(status, body, isPosition);
  }

  /** Makes this member remove from its disk what is not kept any more. */
  async compact(): Promise<Compacted> {
    const { status, body } = await this.#send('POST', 'compact');
    return requireBody(status, body, isCompacted);
  }

  /**
   * What a backup lacks behind a point; null: everything. The bytes come as they are read; a member
   * that goes away in the middle ends them with an error.
   */
  async backup(after: BackupPoint | null): Promise<AsyncIterable<Uint8Array>> {
    const query = after === null ? '' : `?${queryOf(after).toString()}`;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request(this.#requestOptions('GET', `backup${query}`, null), resolve);
    outgoing.on('error', (error) => reject(new AdminUnreachableError(error.message)));
    outgoing.setTimeout(this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS, () =>
      outgoing.destroy(new Error('no answer in time')),
    );
    outgoing.end();
    const response = await promise;
    if (response.statusCode === 200) return response;
    const { status, body } = await readAnswer(response);
    requireSuccess(status, body);
    throw new AdminUnreachableError('the answer has another shape than expected');
  }

  #send(
    method: string,
    path: string,
    body?: unknown,
    longestMs = DEFAULT_TIMEOUT_MS,
  ): Promise<AdminAnswer> {
    const timeoutMs = Math.min(longestMs, this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const { exchange } = this.#options;
    if (exchange !== undefined) return exchange(method, path, body, timeoutMs);
    const payload = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const { promise, resolve, reject } = Promise.withResolvers<AdminAnswer>();
    const outgoing = request(this.#requestOptions(method, path, payload), (response) => {
      readAnswer(response).then(resolve, (error: unknown) => outgoing.destroy(asError(error)));
    });
    outgoing.on('error', (error) => reject(new AdminUnreachableError(error.message)));
    const timer = setTimeout(() => outgoing.destroy(new Error('no answer in time')), timeoutMs);
    outgoing.on('close', () => clearTimeout(timer));
    outgoing.end(payload ?? undefined);
    return promise;
  }

  #requestOptions(method: string, path: string, payload: Buffer | null): RequestOptions {
    const { address } = this.#options;
    const place = parseAddress(address);
    if (place === null) throw new AdminUnreachableError(`not an address: ${address}`);
    return {
      method,
      path: `/_admin/${path}`,
      headers:
        payload === null
          ? { host: address }
          : {
              host: address,
              'content-type': 'application/json',
              'content-length': payload.length,
            },
      createConnection: () => this.#connect(place.host, place.port),
    };
  }

  #connect(host: string, port: number): TLSSocket {
    const { material, member } = this.#options;
    return connect({
      ...secureOptions(material),
      host,
      port,
      ALPNProtocols: [ADMIN_ALPN],
      servername: member ?? 'lithair',
      checkServerIdentity: (_host, certificate) =>
        member === null ? anyMemberError(certificate) : peerIdentityError(member, certificate),
    });
  }
}

function queryOf({ clusterId, epoch, index, term }: BackupPoint): URLSearchParams {
  return new URLSearchParams({
    clusterId,
    epoch: String(epoch),
    index: String(index),
    term: String(term),
  });
}

function anyMemberError(certificate: PeerCertificate): Error | undefined {
  const identity = identityOf(certificate.subjectaltname);
  return identity?.kind === 'member' ? undefined : new Error('it is not a member of the cluster');
}

async function readAnswer(response: IncomingMessage): Promise<AdminAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('an answer is read as bytes');
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return { status: response.statusCode ?? 0, body: text === '' ? undefined : JSON.parse(text) };
}

function requireSuccess(status: number, body: unknown): void {
  if (status >= 200 && status < 300) return;
  const code = isObject(body) && typeof body['code'] === 'string' ? body['code'] : `http_${status}`;
  const detail = isObject(body) && typeof body['detail'] === 'string' ? body['detail'] : code;
  throw new AdminRefusedError(status, code, detail, body);
}

function requireBody<T>(status: number, body: unknown, isShape: (body: unknown) => body is T): T {
  requireSuccess(status, body);
  if (isShape(body)) return body;
  throw new AdminUnreachableError('the answer has another shape than expected');
}

function isWaiting(body: unknown): body is WaitingStatus {
  return isObject(body) && body['waiting'] === true;
}

function isClusterStatus(body: unknown): body is ClusterStatus {
  return isObject(body) && typeof body['clusterId'] === 'string' && Array.isArray(body['members']);
}

function isMemberList(body: unknown): body is { readonly members: readonly MemberStatus[] } {
  return isObject(body) && Array.isArray(body['members']);
}

function isPlace(body: unknown): body is AddMemberResponse {
  if (!isObject(body)) return false;
  const { clusterId, epoch, memberId } = body;
  return (
    typeof clusterId === 'string' && Number.isSafeInteger(epoch) && Number.isSafeInteger(memberId)
  );
}

function isLeader(body: unknown): body is { readonly leader: number } {
  return isObject(body) && typeof body['leader'] === 'number';
}

function isModelChange(body: unknown): body is ModelChangeResponse {
  return isObject(body) && typeof body['result'] === 'string' && Array.isArray(body['changes']);
}

function isPromotion(body: unknown): body is PromoteRegionResponse {
  return isObject(body) && typeof body['epoch'] === 'number' && Array.isArray(body['left']);
}

function isCompacted(body: unknown): body is Compacted {
  return typeof body === 'object' && body !== null && 'index' in body && 'generation' in body;
}

function isPosition(body: unknown): body is { readonly index: number; readonly term: number } {
  return isObject(body) && typeof body['index'] === 'number' && typeof body['term'] === 'number';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
