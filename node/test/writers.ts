import { randomUUID } from 'node:crypto';

/** Clients that write without pause and remember what they sent and what was acknowledged. */
export class Writers {
  readonly sent = new Map<string, string>();
  readonly acknowledged = new Map<string, string>();
  readonly #urls: () => readonly string[];
  readonly #loops: Promise<void>[];
  readonly #underWay = new Set<Promise<boolean>>();
  #round = 0;
  #ended = false;

  /** @param urls the nodes to write to; asked again for every request */
  constructor(clients: number, urls: () => readonly string[]) {
    this.#urls = urls;
    this.#loops = Array.from({ length: clients }, (_, i) => this.#loop(i));
  }

  /** Names the round that is written into every note from now on. */
  beginRound(round: number): void {
    this.#round = round;
  }

  /** Stops the clients and waits for their last answers. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#loops);
  }

  /** Waits until all that was sent before is answered. */
  async answered(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #loop(client: number): Promise<void> {
    for (let i = client; !this.#ended; i += 1) {
      const urls = this.#urls();
      const url = urls[i % urls.length];
      if (url === undefined || !(await this.#noted(this.#write(url)))) await pause(20);
    }
  }

  async #noted(write: Promise<boolean>): Promise<boolean> {
    this.#underWay.add(write);
    const ok = await write;
    this.#underWay.delete(write);
    return ok;
  }

  async #write(url: string): Promise<boolean> {
    const id = randomUUID();
    const text = `note ${id}`;
    this.sent.set(id, text);
    const ok = await fetch(`${url}/api/notes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id, text, round: this.#round }),
      signal: AbortSignal.timeout(15_000),
    }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status === 201;
      },
      () => false,
    );
    if (ok) this.acknowledged.set(id, text);
    return ok;
  }
}

/** Every note that a node holds, by id, read page by page. */
export async function allNotes(url: string): Promise<Map<string, string>> {
  const notes = new Map<string, string>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const response = await fetch(`${url}/api/notes?limit=1000${after}`);
    const page: unknown = await response.json();
    if (!isPage(page)) throw new Error(`answered ${response.status}: ${JSON.stringify(page)}`);
    for (const note of page.data) notes.set(note.id, note.text);
    cursor = page.page.next;
  }
  return notes;
}

interface Page {
  readonly data: readonly { readonly id: string; readonly text: string }[];
  readonly page: { readonly next: string | null };
}

function isPage(value: unknown): value is Page {
  return typeof value === 'object' && value !== null && 'data' in value && 'page' in value;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
