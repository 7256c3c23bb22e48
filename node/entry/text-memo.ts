/** A longer text is rarely the same twice. */
const MOST_BYTES = 64;
const SLOTS = 16;

/** A text as it was read, with its length before it. */
interface Remembered {
  readonly bytes: Uint8Array;
  length: number;
  text: string;
}

/**
 * Texts that come again and again in the same place of entries, such as names of models: comparing
 * a few bytes costs less than making a string of them. Bounded; what it holds decides nothing.
 */
export class TextMemo {
  private readonly slots: readonly Remembered[] = Array.from({ length: SLOTS }, () => ({
    bytes: new Uint8Array(MOST_BYTES),
    length: 0,
    text: '',
  }));

  /** What was read where the same bytes stood; null where they are not remembered. */
  find(buffer: Uint8Array, at: number): Remembered | null {
    const slot = this.slotOf(buffer, at);
    const { bytes, length } = slot;
    if (length === 0 || at + length > buffer.length) return null;
    for (let i = 0; i < length; i++) if (bytes[i] !== buffer[at + i]) return null;
    return slot;
  }

  /** Remembers a text with the bytes that it was read from, its length included. */
  keep(buffer: Uint8Array, at: number, end: number, text: string): void {
    if (end - at > MOST_BYTES) return;
    const slot = this.slotOf(buffer, at);
    slot.bytes.set(buffer.subarray(at, end));
    slot.length = end - at;
    slot.text = text;
  }

  private slotOf(buffer: Uint8Array, at: number): Remembered {
    const slot = this.slots[((buffer[at] ?? 0) >>> 1) & (SLOTS - 1)];
    if (slot === undefined) throw new RangeError('a memo has no such slot');
    return slot;
  }
}
