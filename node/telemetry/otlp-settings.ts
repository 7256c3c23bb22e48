/** Where traces go, as environment and command line say. */
export interface OtlpSettings {
  /** Of the traces: with `/v1/traces`, or as it was given. */
  readonly url: string;
  /** For the collector; may hold a secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** What the command line says; null: the environment counts. */
export interface TraceOptions {
  readonly endpoint: string | null;
  readonly serviceName: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'OTEL_EXPORTER_OTLP';
const DEFAULT_TIMEOUT_MS = 10_000;

/** An environment or an option that cannot be understood. */
export class TraceSettingsError extends Error {
  override readonly name = 'TraceSettingsError';
}

/**
 * Reads the standard variables of OpenTelemetry
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/); null where no endpoint is named.
 *
 * @throws TraceSettingsError
 */
export function otlpSettings(env: Environment, options: TraceOptions): OtlpSettings | null {
  const url = urlOf(env, options.endpoint);
  if (url === null) return null;
  const protocol = said(env, 'PROTOCOL') ?? 'http/json';
  if (!protocol.startsWith('http/')) {
    throw new TraceSettingsError(`${PREFIX}_PROTOCOL must be http/json, not ${protocol}`);
  }
  return { url, headers: headersOf(said(env, 'HEADERS') ?? ''), timeoutMs: timeoutOf(env) };
}

/** What the resource of the spans is called. */
export function serviceName(env: Environment, { serviceName: option }: TraceOptions): string {
  return option ?? present(env['OTEL_SERVICE_NAME']) ?? 'lithair';
}

function urlOf(env: Environment, option: string | null): string | null {
  const own = option === null ? present(env[`${PREFIX}_TRACES_ENDPOINT`]) : undefined;
  if (own !== undefined) return requireUrl(own, `${PREFIX}_TRACES_ENDPOINT`);
  const base = option ?? present(env[`${PREFIX}_ENDPOINT`]);
  if (base === undefined) return null;
  const name = option === null ? `${PREFIX}_ENDPOINT` : '--otlp-endpoint';
  return `${requireUrl(base, name).replace(/\/$/, '')}/v1/traces`;
}

/** That of the traces goes before that of all signals. */
function said(env: Environment, name: string): string | undefined {
  return present(env[`${PREFIX}_TRACES_${name}`]) ?? present(env[`${PREFIX}_${name}`]);
}

function present(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function requireUrl(text: string, name: string): string {
  const url = URL.parse(text);
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === null || !isHttp || url.search !== '' || hasCredentials(url)) {
    throw new TraceSettingsError(
      `${name} must be an http or https URL such as http://localhost:4318, without user and query`,
    );
  }
  return url.href;
}

/** A name or a password would stand in the log, and no request could be made with it. */
function hasCredentials({ username, password }: URL): boolean {
  return username !== '' || password !== '';
}

/** `name=value` with commas between, values percent-encoded. What they hold is told to nobody. */
function headersOf(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  return Object.fromEntries(
    pairs.map((pair, at) => {
      const [name, ...rest] = pair.split('=');
      const value = decoded(rest.join('=').trim());
      if (name !== undefined && value !== null && /^[!#-'*+.^-z|~\w-]+$/.test(name.trim())) {
        return [name.trim(), value];
      }
      throw new TraceSettingsError(`${PREFIX}_HEADERS: part ${at + 1} is not name=value`);
    }),
  );
}

function decoded(value: string): string | null {
  try {
    const text = decodeURIComponent(value);
    return /^[\t -~]+$/.test(text) ? text : null;
  } catch {
    return null;
  }
}

function timeoutOf(env: Environment): number {
  const text = said(env, 'TIMEOUT');
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new TraceSettingsError(`${PREFIX}_TIMEOUT must be milliseconds, not ${text}`);
}
