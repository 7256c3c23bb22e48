import { crc32 } from 'node:zlib';
import { Problem } from './problems.ts';

/**
 * `"<version>.<hash of the representation>"`. The version orders states; the hash tells apart
 * what fields, rights and schema make of the same version.
 */
export function etagOf(version: number, representation: string): string {
  return `"${version}.${crc32(representation).toString(36)}"`;
}

/** One entity tag of a list (RFC 9110, section 8.8.3). */
interface EntityTag {
  readonly weak: boolean;
  readonly opaque: string;
}

const TAG = /\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)/y;
const MAX_TAGS = 100;
const OURS = /^([1-9][0-9]*)\.[0-9a-z]+$/;

/** Whether `If-None-Match` names the tag, or any; weak comparison (RFC 9110, section 13.1.2). */
export function namesTag(header: string, etag: string): boolean {
  if (header === etag || header.trim() === '*') return true;
  const opaque = etag.slice(1, -1);
  return parseTags(header, 'If-None-Match').some((tag) => tag.opaque === opaque);
}

/**
 * The versions that `If-Match` names. Weak tags never match (RFC 9110, section 13.1.1), nor do
 * tags that are not ours: a header of such tags alone gives no version, which nothing meets.
 *
 * @throws Problem `bad_header` where it is no list of entity tags
 */
export function matchedVersions(header: string | undefined): readonly number[] | 'any' | null {
  if (header === undefined) return null;
  if (header.trim() === '*') return 'any';
  return parseTags(header, 'If-Match').flatMap((tag) => {
    const [, digits] = OURS.exec(tag.opaque) ?? [];
    const version = Number(digits);
    return !tag.weak && Number.isSafeInteger(version) ? [version] : [];
  });
}

function parseTags(header: string, name: string): EntityTag[] {
  const tags: EntityTag[] = [];
  TAG.lastIndex = 0;
  while (TAG.lastIndex < header.length) {
    const match = TAG.exec(header);
    if (match === null || tags.length === MAX_TAGS) {
      throw new Problem('bad_header', `${name} must be * or a list of entity tags in quotes.`);
    }
    tags.push({ weak: match[1] !== undefined, opaque: match[2] ?? '' });
  }
  if (tags.length === 0) throw new Problem('bad_header', `${name} must not be empty.`);
  return tags;
}
