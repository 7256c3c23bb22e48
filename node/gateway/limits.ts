/** Bounds of connections and request heads. */
export interface GatewayLimits {
  readonly urlBytes: number;
  readonly headerBytes: number;
  readonly headerCount: number;
  readonly connections: number;
  /** From the first byte of a request to the last of its head. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the last of its body. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection stays open. */
  readonly keepAliveTimeoutMs: number;
}

export const GATEWAY_LIMITS: GatewayLimits = {
  urlBytes: 16 * 1024,
  headerBytes: 32 * 1024,
  headerCount: 100,
  connections: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
};
