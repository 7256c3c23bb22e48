import { PagedWords } from './paged-words.ts';

// A slot has four words: its row, the slot that was asked for before it, the one after it (of a free
// slot: the next free one), and the bytes that it counts for. Slot 0 is none.
const SLOT_SHIFT = 2;
const OLDER = 1;
const NEWER = 2;
const BYTES = 3;
const JSON_SHIFT = 10;
const JSON_MASK = (1 << JSON_SHIFT) - 1;
/** What a string takes beside its characters, and the reference to it. */
const STRING_BYTES = 32;

/**
 * Bodies that were read lately, up to a bound; the one that was not asked for longest goes first.
 *
 * Everything takes the same time however many there are, which a Map in the order of use does not:
 * whoever looks for its first entry passes all that were taken out in front of it, and now and then
 * it is hashed anew as a whole.
 */
export class BodyCache {
  private limit: number;
  private readonly slotOf = new PagedWords();
  private readonly slots = new PagedWords();
  private readonly jsons: (string | undefined)[][] = [];
  private highest = 0;
  private free = 0;
  private oldest = 0;
  private newest = 0;
  /** What the bodies take. */
  bytes = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** What the cache takes to find them. */
  get tableBytes(): number {
    return this.slotOf.bytes + this.slots.bytes;
  }

  limitTo(bytes: number): void {
    this.limit = bytes;
    this.evict();
  }

  has(row: number): boolean {
    return this.slotOf.get(row) !== 0;
  }

  get(row: number): string | undefined {
    const slot = this.slotOf.get(row);
    if (slot === 0) return undefined;
    if (slot !== this.newest) {
      this.unlink(slot);
      this.linkNewest(slot);
    }
    return this.jsons[slot >>> JSON_SHIFT]?.[slot & JSON_MASK];
  }

  /** @param bytes what the characters take */
  set(row: number, json: string, bytes: number): void {
    this.delete(row);
    if (bytes + STRING_BYTES > this.limit) return;
    const slot = this.takeSlot();
    this.slotOf.set(row, slot);
    this.setWord(slot, 0, row);
    this.setWord(slot, BYTES, bytes + STRING_BYTES);
    this.setJson(slot, json);
    this.linkNewest(slot);
    this.bytes += bytes + STRING_BYTES;
    this.evict();
  }

  delete(row: number): void {
    const slot = this.slotOf.get(row);
    if (slot === 0) return;
    this.slotOf.set(row, 0);
    this.unlink(slot);
    this.bytes -= this.word(slot, BYTES);
    this.setJson(slot, undefined);
    this.setWord(slot, NEWER, this.free);
    this.free = slot;
  }

  private evict(): void {
    while (this.bytes > this.limit) this.delete(this.word(this.oldest, 0));
  }

  private takeSlot(): number {
    const slot = this.free;
    if (slot === 0) return ++this.highest;
    this.free = this.word(slot, NEWER);
    return slot;
  }

  private linkNewest(slot: number): void {
    this.setWord(slot, OLDER, this.newest);
    this.setWord(slot, NEWER, 0);
    if (this.newest === 0) this.oldest = slot;
    else this.setWord(this.newest, NEWER, slot);
    this.newest = slot;
  }

  private unlink(slot: number): void {
    const [older, newer] = [this.word(slot, OLDER), this.word(slot, NEWER)];
    if (older === 0) this.oldest = newer;
    else this.setWord(older, NEWER, newer);
    if (newer === 0) this.newest = older;
    else this.setWord(newer, OLDER, older);
  }

  private word(slot: number, at: number): number {
    return this.slots.get((slot << SLOT_SHIFT) + at);
  }

  private setWord(slot: number, at: number, value: number): void {
    this.slots.set((slot << SLOT_SHIFT) + at, value);
  }

  private setJson(slot: number, json: string | undefined): void {
    const page = slot >>> JSON_SHIFT;
    while (page >= this.jsons.length) {
      this.jsons.push(Array.from({ length: JSON_MASK + 1 }, () => undefined));
    }
    const jsons = this.jsons[page];
    if (jsons !== undefined) jsons[slot & JSON_MASK] = json;
  }
}
