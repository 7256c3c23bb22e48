import { Agent, type RequestOptions, request } from 'node:https';
import type { PeerCertificate } from 'node:tls';
import { type IssuedCertificate, identityOf } from '@lithair/crds/certificates';
import {
  ADMIN_ALPN,
  API_PORT,
  type ModelChangeResponse,
  PEER_PORT_OFFSET,
} from '@lithair/crds/contract';
import {
  isClusterStatus,
  isForKeys,
  isInProgress,
  isModelChange,
  problemReasons,
} from './parse.ts';
import type { MemberAnswer } from './view.ts';

const STATUS_TIMEOUT_MS = 2_000;
const MODEL_TIMEOUT_MS = 30_000;
const CHANGE_TIMEOUT_MS = 20_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const PEER_PORT = API_PORT + PEER_PORT_OFFSET;

/** Where a member is, and who has to answer there. */
export interface MemberAddress {
  readonly name: string;
  readonly ip: string;
  /** Peer port; the containers' own by default. */
  readonly port?: number;
}

/** What a cluster says to a model. */
export type ModelAnswer =
  | { readonly kind: 'accepted'; readonly change: ModelChangeResponse }
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }
  /** Refused until members have their keys, which the present rollout brings. */
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** What became of a change of members. */
export type ChangeAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Asks the members of one cluster. Each must prove that it is the member it should be: addresses
 * are reused by other pods, names are not.
 */
export class AdminClient {
  readonly #agent: Agent;

  constructor(authorityPem: string, certificate: IssuedCertificate) {
    this.#agent = new Agent({
      keepAlive: true,
      ca: authorityPem,
      cert: certificate.certificatePem,
      key: certificate.privateKeyPem,
      ALPNProtocols: [ADMIN_ALPN],
      minVersion: 'TLSv1.3',
      // A resumed session would skip the check of the name.
      maxCachedSessions: 0,
    });
  }

  /** What a member says about itself and its cluster; never throws. */
  async status(member: MemberAddress): Promise<MemberAnswer> {
    try {
      const answer = await this.#send(member, 'GET', '/_admin/status', STATUS_TIMEOUT_MS);
      if (answer.status === 200 && isClusterStatus(answer.body)) {
        return { kind: 'serving', status: answer.body };
      }
      if (answer.status === 503) return { kind: 'waiting' };
      return { kind: 'unreachable', reason: `unexpected answer ${answer.status}` };
    } catch (error) {
      return { kind: 'unreachable', reason: messageOf(error) };
    }
  }

  /** Submits a spec as the cluster's model, or asks what that would do; never throws. */
  async putModel(member: MemberAddress, spec: unknown, dryRun: boolean): Promise<ModelAnswer> {
    const path = dryRun ? '/_admin/model?dryRun=true' : '/_admin/model';
    try {
      const body = JSON.stringify(spec);
      const answer = await this.#send(member, 'PUT', path, MODEL_TIMEOUT_MS, body);
      if (answer.status === 200 && isModelChange(answer.body)) {
        return { kind: 'accepted', change: answer.body };
      }
      const reasons = problemReasons(answer.body, answer.status);
      if (isInProgress(answer.body)) return { kind: 'unavailable', reason: reasons.join('; ') };
      if (isForKeys(answer.body)) return { kind: 'waiting', reason: reasons.join('; ') };
      if ([400, 409, 413, 422].includes(answer.status)) return { kind: 'refused', reasons };
      return { kind: 'unavailable', reason: reasons.join('; ') };
    } catch (error) {
      return { kind: 'unavailable', reason: messageOf(error) };
    }
  }

  /** Takes a member out for good; never throws. One that is not there is as good as taken out. */
  removeMember(member: MemberAddress, id: number): Promise<ChangeAnswer> {
    return this.#change(member, 'DELETE', `/_admin/members/${id}`, undefined, [404]);
  }

  /** Gives a learner a vote; never throws. */
  promoteMember(member: MemberAddress, id: number): Promise<ChangeAnswer> {
    return this.#change(member, 'POST', `/_admin/members/${id}/promote`, '{}');
  }

  /** Hands leadership to a voter; never throws. */
  transferLeadership(member: MemberAddress, to: number): Promise<ChangeAnswer> {
    return this.#change(member, 'POST', '/_admin/transfer', JSON.stringify({ to }));
  }

  async #change(
    member: MemberAddress,
    method: string,
    path: string,
    body: string | undefined,
    alsoDone: readonly number[] = [],
  ): Promise<ChangeAnswer> {
    try {
      const answer = await this.#send(member, method, path, CHANGE_TIMEOUT_MS, body);
      if (answer.status < 300 || alsoDone.includes(answer.status)) return { kind: 'done' };
      const reason = problemReasons(answer.body, answer.status).join('; ');
      return { kind: answer.status < 500 ? 'refused' : 'unavailable', reason };
    } catch (error) {
      return { kind: 'unavailable', reason: messageOf(error) };
    }
  }

  /** Closes the kept connections. */
  close(): void {
    this.#agent.destroy();
  }

  #send(
    member: MemberAddress,
    method: string,
    path: string,
    timeout: number,
    body?: string,
  ): Promise<Answer> {
    const options: RequestOptions = {
      agent: this.#agent,
      host: member.ip,
      port: member.port ?? PEER_PORT,
      servername: member.name,
      method,
      path,
      signal: AbortSignal.timeout(timeout),
      checkServerIdentity: (_, certificate) => wrongMember(member.name, certificate),
      headers:
        body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    };
    return exchange(options, body);
  }
}

function wrongMember(name: string, certificate: PeerCertificate): Error | undefined {
  const identity = identityOf(certificate.subjectaltname);
  if (identity?.kind === 'member' && identity.name === name) return undefined;
  return new Error(`expected member ${name}, got ${identity?.name ?? 'no member'}`);
}

function exchange(options: RequestOptions, body: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(options, (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) incoming.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, body: parseJson(Buffer.concat(chunks)) }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
