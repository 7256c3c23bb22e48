import { Problem } from './problems.ts';

const JSON_TYPE = 'application/json';
/** One JSON value a line (https://github.com/ndjson/ndjson-spec). */
export const NDJSON_TYPE = 'application/x-ndjson';
const NDJSON_TYPES = [NDJSON_TYPE, 'application/ndjson'] as const;

/** What a PATCH takes; `application/json` is read as a merge patch. */
export const PATCH_TYPES = [
  'application/merge-patch+json',
  'application/json-patch+json',
  JSON_TYPE,
] as const;

/** What a POST or PUT takes. */
export const BODY_TYPES = [JSON_TYPE] as const;

/** What `_bulk` takes. */
export const BULK_TYPES = [JSON_TYPE, ...NDJSON_TYPES] as const;

/** The media types that a kind of request takes. */
export type TakenTypes = typeof PATCH_TYPES | typeof BODY_TYPES | typeof BULK_TYPES;

/** Whether a body says that it has one JSON value a line. */
export function isNdjson(contentType: string | undefined): boolean {
  if (contentType === undefined || contentType === JSON_TYPE) return false;
  const [type = ''] = contentType.toLowerCase().split(';', 1);
  return NDJSON_TYPES.some((name) => name === type.trim());
}

/** Whether the client would rather have one JSON value a line than one document. */
export function prefersNdjson(accept: string | undefined): boolean {
  if (accept === undefined || !accept.includes('ndjson')) return false;
  const qualities = new Map(
    accept
      .toLowerCase()
      .split(',')
      .map((range) => range.split(';').map((part) => part.trim()))
      .map(([name = '', ...parameters]) => [name, qualityOf(parameters)]),
  );
  const lines = Math.max(...NDJSON_TYPES.map((name) => qualities.get(name) ?? 0));
  return lines > 0 && lines >= (qualities.get(JSON_TYPE) ?? 0);
}

/**
 * Refuses a body that does not say that it is of a type that is taken, and returns its type.
 *
 * @throws Problem `unsupported_media_type`
 */
export function requireBodyType(
  taken: TakenTypes,
  contentType: string | undefined,
  encoding: string | undefined,
): string {
  if (encoding !== undefined && encoding !== 'identity') {
    throw unsupported(taken, `Content-Encoding "${encoding.slice(0, 50)}" is not taken.`);
  }
  if (contentType === JSON_TYPE) return contentType;
  const [first = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const type = first.trim();
  if (!taken.some((name) => name === type)) {
    throw unsupported(taken, `Content-Type must be ${taken.join(' or ')}.`);
  }
  if (!parameters.some(isOtherCharset)) return type;
  throw unsupported(taken, 'The charset of a JSON body is utf-8.');
}

function isOtherCharset(parameter: string): boolean {
  const [name, value = ''] = parameter.trim().split('=');
  return name === 'charset' && value.replaceAll('"', '') !== 'utf-8';
}

/** Says what is taken as RFC 5789 (section 3.1) has it for PATCH, and the LDP for POST. */
function unsupported(taken: TakenTypes, detail: string): Problem {
  const header = taken === PATCH_TYPES ? 'Accept-Patch' : 'Accept-Post';
  return new Problem('unsupported_media_type', detail, { headers: [header, taken.join(', ')] });
}

/**
 * Refuses where the client accepts no `type`, such as `application/json`.
 *
 * @throws Problem `not_acceptable`
 */
export function requireAcceptable(accept: string | undefined, type: string): void {
  if (accept === undefined || accept === '*/*' || accept === type) return;
  const family = `${type.split('/', 1)[0]}/*`;
  let best = { rank: 0, quality: 0 };
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim());
    const rank = [type, family, '*/*'].indexOf(name);
    if (rank === -1 || 3 - rank < best.rank) continue;
    best = { rank: 3 - rank, quality: qualityOf(parameters) };
  }
  if (best.quality > 0) return;
  throw new Problem('not_acceptable', `The answer is ${type}; the Accept header leaves it out.`);
}

function qualityOf(parameters: readonly string[]): number {
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  return quality === undefined ? 1 : Number(quality.slice(2)) || 0;
}
