/** From so many bytes on, what a call into the runtime costs is less than what it saves. */
const LONG_BYTES = 256;

/** Copies `from[start, end)` to a place of other memory: records are mostly short. */
export function copyBytes(
  from: DataView,
  start: number,
  end: number,
  to: DataView,
  at: number,
): void {
  if (end - start >= LONG_BYTES) {
    const source = new Uint8Array(from.buffer, from.byteOffset + start, end - start);
    new Uint8Array(to.buffer, to.byteOffset + at, end - start).set(source);
    return;
  }
  let [place, put] = [start, at];
  for (const last = end - 4; place <= last; place += 4, put += 4) {
    to.setInt32(put, from.getInt32(place, true), true);
  }
  for (; place < end; place++, put++) to.setUint8(put, from.getUint8(place));
}
