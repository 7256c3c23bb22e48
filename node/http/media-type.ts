import { Problem } from './problems.ts';

const JSON_TYPE = 'application/json';
const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson'];

/**
 * Refuses a body that does not say that it is JSON.
 *
 * @throws Problem `unsupported_media_type`; `not_supported_yet` for NDJSON, which the contract has
 */
export function requireJson(contentType: string | undefined, encoding: string | undefined): void {
  if (encoding !== undefined && encoding !== 'identity') {
    throw unsupported(`Content-Encoding "${encoding.slice(0, 50)}" is not taken.`);
  }
  if (contentType === JSON_TYPE) return;
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  if (NDJSON_TYPES.includes(type.trim())) {
    throw new Problem('not_supported_yet', 'NDJSON bodies are not supported yet: send an array.');
  }
  if (type.trim() !== JSON_TYPE) throw unsupported(`Content-Type must be ${JSON_TYPE}.`);
  if (parameters.some(isOtherCharset)) throw unsupported('The charset of a JSON body is utf-8.');
}

function isOtherCharset(parameter: string): boolean {
  const [name, value = ''] = parameter.trim().split('=');
  return name === 'charset' && value.replaceAll('"', '') !== 'utf-8';
}

function unsupported(detail: string): Problem {
  return new Problem('unsupported_media_type', detail, { headers: ['Accept-Post', JSON_TYPE] });
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
