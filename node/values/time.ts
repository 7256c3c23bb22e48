import { accept, type Reading, refuse, type ValueError } from './errors.ts';

const DATE = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/;
const DATETIME =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})$/;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MINUTE_MS = 60_000;
/** 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z, epoch milliseconds. */
const MIN_MS = -62_167_219_200_000;
const MAX_MS = 253_402_300_799_999;

/** Reads a full-date of RFC 3339 that the calendar has. */
export function canonicalDate(text: string): Reading<string> {
  return isCalendarDate(text)
    ? accept(text)
    : refuse('invalid_date', 'must be a calendar date such as 2024-02-29');
}

function isCalendarDate(text: string): boolean {
  const parts = DATE.exec(text);
  if (parts === null) return false;
  const month = Number(parts[2]);
  const day = Number(parts[3]);
  const leap = month === 2 && isLeapYear(Number(parts[1])) ? 1 : 0;
  return day >= 1 && day <= (MONTH_DAYS[month - 1] ?? 0) + leap;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/**
 * Reads a date-time of RFC 3339 and gives it in UTC, with as many fractional digits as were
 * written, at most three. Refused: more digits (unless they are zeros), leap seconds, and years
 * outside 0000 to 9999.
 */
export function canonicalDatetime(text: string): Reading<string> {
  const parts = DATETIME.exec(text);
  if (parts === null) return notADatetime();
  const [, date = '', time = '', written = '', zone = 'Z'] = parts;
  const wrongTime = checkTime(time);
  if (wrongTime !== null) return wrongTime;
  if (!isCalendarDate(date)) return notADatetime();
  if (/[1-9]/.test(written.slice(3))) {
    return refuse('invalid_datetime', 'must not be finer than a millisecond');
  }
  const local = `${date}T${time}`;
  const fraction = written.slice(0, 3);
  if (zone === 'Z' || zone === 'z') return accept(withFraction(local, fraction));
  return toUtc(local, fraction, zone);
}

function checkTime(time: string): ValueError | null {
  if (Number(time.slice(0, 2)) > 23 || Number(time.slice(3, 5)) > 59) return notADatetime();
  return Number(time.slice(6)) > 59
    ? refuse('invalid_datetime', 'must have seconds from 00 to 59 (no leap seconds)')
    : null;
}

function toUtc(local: string, fraction: string, zone: string): Reading<string> {
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4));
  if (hours > 23 || minutes > 59) return notADatetime();
  const offsetMs = (hours * 60 + minutes) * MINUTE_MS * (zone.startsWith('-') ? -1 : 1);
  const instantMs = Date.parse(`${local}Z`) - offsetMs;
  if (instantMs < MIN_MS || instantMs > MAX_MS) {
    return refuse('invalid_datetime', 'must be in the years 0000 to 9999 in UTC');
  }
  return accept(withFraction(new Date(instantMs).toISOString().slice(0, 19), fraction));
}

function withFraction(seconds: string, fraction: string): string {
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

function notADatetime() {
  return refuse('invalid_datetime', 'must be an RFC 3339 date-time such as 2024-02-29T12:00:00Z');
}

/** Key of a canonical date-time: instants in order, `12:00:00Z` and `12:00:00.0Z` alike. */
export function datetimeKey(canonical: string): string {
  let end = canonical.length - 1;
  if (end === 19) return canonical.slice(0, 19);
  while (canonical.charCodeAt(end - 1) === 48) end--;
  return canonical.slice(0, end === 20 ? 19 : end);
}

/** The canonical date of an instant (epoch milliseconds), in UTC. */
export function dateOf(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(0, 10);
}

/** The canonical date-time of an instant (epoch milliseconds), with milliseconds. */
export function datetimeOf(instantMs: number): string {
  return new Date(instantMs).toISOString();
}
