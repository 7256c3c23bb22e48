/** Names a span of a trace, and the trace: 32 and 16 hexadecimal digits. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** What a recorded request takes along to the leader (W3C Trace Context). */
export interface TraceContext extends TraceIds {
  /** `tracestate` as the caller sent it; empty where there was none. */
  readonly state: string;
  /** The member that forwarded the request; absent where it came in on the leader. */
  readonly forwardedBy?: number;
}
