// Named formats of texts. Each runs in time proportional to the text, which it bounds itself.
import { isIPv4, isIPv6 } from 'node:net';

export const FORMATS = [
  'email',
  'url',
  'uri',
  'uuid',
  'hostname',
  'ipv4',
  'ipv6',
  'slug',
  'phone',
] as const;

export type Format = (typeof FORMATS)[number];

interface FormatRule {
  /** Ends the sentence "must be …". */
  readonly says: string;
  readonly maxLength: number;
  readonly matches: (text: string) => boolean;
  /** Name that JSON Schema has for it; null where it has none, and `pattern` says it. */
  readonly jsonSchema: string | null;
  readonly pattern?: string;
}

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const HOSTNAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
/** What browsers take for an address (HTML, "Valid e-mail address"), with a dot in the domain. */
const EMAIL = new RegExp(`^[A-Za-z0-9.!#$%&'*+/=?^_\`{|}~-]{1,64}@${LABEL}(?:\\.${LABEL})+$`);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$/;
const SLUG = '^[a-z0-9]+(-[a-z0-9]+)*$';
/** E.164: a country code and at most 15 digits in all. */
const PHONE = '^\\+[1-9][0-9]{6,14}$';

const RULES: Record<Format, FormatRule> = {
  email: rule('an e-mail address', 254, 'email', (text) => EMAIL.test(text)),
  url: rule('an http or https address', 2048, 'uri', isUrl),
  uri: rule('a URI', 2048, 'uri', (text) => SCHEME.test(text) && URL.canParse(text)),
  uuid: rule('a UUID', 36, 'uuid', (text) => UUID.test(text)),
  hostname: rule('a host name', 253, 'hostname', (text) => HOSTNAME.test(text)),
  ipv4: rule('an IPv4 address', 15, 'ipv4', isIPv4),
  ipv6: rule('an IPv6 address', 45, 'ipv6', (text) => isIPv6(text) && !text.includes('%')),
  slug: byPattern('small letters and digits, with inner dashes', 200, SLUG),
  phone: byPattern('a phone number such as +33123456789', 16, PHONE),
};

function rule(
  says: string,
  maxLength: number,
  jsonSchema: string,
  matches: (text: string) => boolean,
): FormatRule {
  return { says, maxLength, jsonSchema, matches };
}

function byPattern(says: string, maxLength: number, pattern: string): FormatRule {
  const compiled = new RegExp(pattern);
  return { says, maxLength, pattern, jsonSchema: null, matches: (text) => compiled.test(text) };
}

/** With nothing that the parser had to mend: spaces, tabs and line ends are not taken out. */
function isUrl(text: string): boolean {
  return /^https?:\/\/[^\s]+$/i.test(text) && URL.canParse(text);
}

/** Null where the text has the format; otherwise what it must be. */
export function refuseFormat(format: Format, text: string): string | null {
  const { says, maxLength, matches } = RULES[format];
  return text.length <= maxLength && matches(text) ? null : `must be ${says}`;
}

/** The format in the words of JSON Schema (2020-12, validation, section 7.3). */
export function formatKeywords(format: Format): Record<string, string | number> {
  const { jsonSchema, pattern, maxLength } = RULES[format];
  return {
    ...(jsonSchema !== null && { format: jsonSchema }),
    ...(pattern !== undefined && { pattern }),
    maxLength,
  };
}
