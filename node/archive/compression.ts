import { promisify } from 'node:util';
import {
  constants,
  type ZstdOptions,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib';

/** Makes sealed blocks small. A block is a few dozen KiB. */
export interface Compression {
  compress(plain: Uint8Array): Promise<Uint8Array>;
  /** @throws where the bytes are not ours, or come to more than `maxBytes` */
  decompress(packed: Uint8Array, maxBytes: number): Promise<Uint8Array>;
}

/** The size is told beforehand, so that tables are made for a block and not for any length. */
function settings(plain: Uint8Array): ZstdOptions {
  return {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
    pledgedSrcSize: plain.length,
  };
}

const pack = promisify(zstdCompress);
const unpack = promisify(zstdDecompress);

/** zstd on the runtime's thread pool: the event loop goes on meanwhile. */
export const threadedZstd: Compression = {
  compress: (plain) => pack(plain, settings(plain)),
  decompress: (packed, maxBytes) => unpack(packed, { maxOutputLength: Math.max(1, maxBytes) }),
};

/** zstd at once, for a simulated world, whose events come in one order: under a millisecond a block. */
export const blockingZstd: Compression = {
  compress: (plain) => Promise.resolve(zstdCompressSync(plain, settings(plain))),
  decompress: (packed, maxBytes) =>
    Promise.resolve(zstdDecompressSync(packed, { maxOutputLength: Math.max(1, maxBytes) })),
};
