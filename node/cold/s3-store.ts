import { createHash } from 'node:crypto';
import { ColdError, type ColdErrorCode, type ColdStat, type ColdStore } from './cold-store.ts';
import type * as Sdk from './s3-sdk.ts';

/** Where a bucket is, and how it is reached. Credentials come from the environment. */
export interface S3Settings {
  readonly bucket: string;
  readonly prefix?: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly pathStyle?: boolean;
}

const ATTEMPTS = 3;
const CONNECTION_TIMEOUT_MS = 5_000;
/** Without a byte for so long a request is given up. */
const REQUEST_TIMEOUT_MS = 30_000;

/** The SDK, and a client of it. */
interface Loaded {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.S3Client;
}

/**
 * Objects in a bucket. The SDK is loaded with the first request, so that a node without a bucket
 * has nothing of it; it finds credentials where every AWS tool does: in the environment, in
 * profiles, and in what the machine or the pod is given.
 */
export class S3Store implements ColdStore {
  readonly description: string;
  readonly #settings: S3Settings;
  readonly #before: string;
  #loaded: Promise<Loaded> | null = null;

  constructor(settings: S3Settings) {
    this.#settings = settings;
    const prefix = (settings.prefix ?? '').replace(/\/+$/, '');
    this.#before = prefix === '' ? '' : `${prefix}/`;
    this.description = `s3://${settings.bucket}/${this.#before}`;
  }

  put(name: string, bytes: Uint8Array): Promise<void> {
    return this.#used(name, async ({ sdk, client }) => {
      const ChecksumSHA256 = createHash('sha256').update(bytes).digest('base64');
      const place = { ...this.#place(name), Body: bytes, ContentLength: bytes.length };
      await client.send(new sdk.PutObjectCommand({ ...place, ChecksumSHA256 }));
    });
  }

  async stat(name: string): Promise<ColdStat | null> {
    try {
      return await this.#used(name, async ({ sdk, client }) => {
        const place = { ...this.#place(name), ChecksumMode: 'ENABLED' as const };
        const found = await client.send(new sdk.HeadObjectCommand(place));
        const bytes = found.ContentLength ?? 0;
        return { bytes, sha256: hexOf(found.ChecksumSHA256) };
      });
    } catch (error) {
      if (error instanceof ColdError && error.code === 'COLD_MISSING') return null;
      throw error;
    }
  }

  read(name: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#used(name, async ({ sdk, client }) => {
      const Range = `bytes=${offset}-${offset + length - 1}`;
      const found = await client.send(new sdk.GetObjectCommand({ ...this.#place(name), Range }));
      const bytes = (await found.Body?.transformToByteArray()) ?? new Uint8Array();
      if (bytes.length === length) return bytes;
      throw new ColdError('COLD_CORRUPT', `${name}: ${bytes.length} of ${length} bytes came`);
    });
  }

  remove(name: string): Promise<void> {
    return this.#used(name, async ({ sdk, client }) => {
      await client.send(new sdk.DeleteObjectCommand(this.#place(name)));
    });
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#used(folder, async ({ sdk, client }) => {
      const names: string[] = [];
      const place = { Bucket: this.#settings.bucket, Prefix: `${this.#before}${folder}/` };
      for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; ) {
        const next = token === undefined ? place : { ...place, ContinuationToken: token };
        const page = await client.send(new sdk.ListObjectsV2Command(next));
        for (const { Key } of page.Contents ?? []) {
          if (Key !== undefined) names.push(Key.slice(this.#before.length));
        }
        token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
        isFirst = false;
      }
      return names;
    });
  }

  close(): void {
    void this.#loaded?.then(
      ({ client }) => client.destroy(),
      () => undefined,
    );
    this.#loaded = null;
  }

  #place(name: string) {
    return { Bucket: this.#settings.bucket, Key: `${this.#before}${name}` };
  }

  #load(): Promise<Loaded> {
    this.#loaded ??= import('./s3-sdk.ts').then((sdk) => {
      const { endpoint, region, pathStyle } = this.#settings;
      const client = new sdk.S3Client({
        ...(endpoint !== undefined && { endpoint, region: region ?? 'us-east-1' }),
        ...(region !== undefined && { region }),
        forcePathStyle: pathStyle ?? false,
        maxAttempts: ATTEMPTS,
        // We bring a checksum of our own: services other than AWS refuse the newer ones.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        requestHandler: {
          connectionTimeout: CONNECTION_TIMEOUT_MS,
          requestTimeout: REQUEST_TIMEOUT_MS,
          throwOnRequestTimeout: true,
        },
      });
      return { sdk, client };
    });
    return this.#loaded;
  }

  async #used<T>(name: string, work: (loaded: Loaded) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#load());
    } catch (error) {
      throw error instanceof ColdError ? error : told(error, `${this.description}${name}`);
    }
  }
}

/** What the SDK says, as one of ours. */
function told(error: unknown, place: string): ColdError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const status = statusOf(error);
  if (name === 'NoSuchKey' || name === 'NotFound' || (status === 404 && name !== 'NoSuchBucket')) {
    return new ColdError('COLD_MISSING', `there is no object ${place}`);
  }
  const refused = status !== undefined && status >= 400 && status < 500 && status !== 429;
  const code: ColdErrorCode = refused ? 'COLD_REFUSED' : 'COLD_UNAVAILABLE';
  return new ColdError(code, `${place}: ${name}: ${message}`);
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  return 'httpStatusCode' in metadata && typeof metadata.httpStatusCode === 'number'
    ? metadata.httpStatusCode
    : undefined;
}

function hexOf(base64: string | undefined): string | null {
  // A checksum of parts, with their number behind it, is none of the whole.
  if (base64 === undefined || !/^[A-Za-z0-9+/]{43}=$/.test(base64)) return null;
  return Buffer.from(base64, 'base64').toString('hex');
}
