// Traces as OTLP/HTTP carries them in JSON
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
import type { AttributeValue, SpanRecord } from './span.ts';

/** Who sends: attributes of the resource. */
export type Resource = Readonly<Record<string, AttributeValue>>;

const KINDS = { internal: 1, server: 2 } as const;
const STATUS_ERROR = 2;
/** Sampled (W3C), and `has_is_remote` is left out: who called is not known to be another process. */
const FLAGS_SAMPLED = 1;

/** The body of one export request. */
export function exportRequest(
  resource: Resource,
  version: string,
  spans: readonly SpanRecord[],
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: 'lithair', version }, spans: spans.map(spanOf) }],
      },
    ],
  });
}

function spanOf(span: SpanRecord) {
  const { traceId, spanId, parentSpanId, state, name, kind, attributes } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId !== '' && { parentSpanId }),
    ...(state !== '' && { traceState: state }),
    flags: FLAGS_SAMPLED,
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.endMs),
    attributes: attributesOf(attributes),
    ...(span.failed && { status: { code: STATUS_ERROR } }),
  };
}

/** 64 bits are decimal strings; doubles hold microseconds of this century. */
function nanoseconds(epochMs: number): string {
  return `${Math.round(epochMs * 1000)}000`;
}

function attributesOf(attributes: Resource) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

function valueOf(value: AttributeValue) {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
