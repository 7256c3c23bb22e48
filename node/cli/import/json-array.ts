import { CliError } from '../cli-error.ts';
import { type Row, rowFromJson } from './row.ts';

const MAX_ROW_CHARACTERS = 16 * 1024 * 1024;

/**
 * Splits the text of a JSON array into its elements without holding the whole file, so that its
 * size is no limit. Elements are parsed one by one; what stands between them is checked here.
 *
 * @throws CliError where the text is not one JSON array
 */
export async function* rowsOfJsonArray(chunks: AsyncIterable<string>): AsyncGenerator<Row> {
  const splitter = new ElementSplitter();
  let number = 0;
  for await (const chunk of chunks) {
    for (const element of splitter.push(chunk)) {
      number += 1;
      yield rowFromJson(element.text, element.line, number);
    }
  }
  splitter.end();
}

interface Element {
  readonly text: string;
  readonly line: number;
}

type Place = 'before' | 'separator' | 'element' | 'after';

/** A scanner that knows only strings and nesting; the grammar of an element is JSON.parse's. */
class ElementSplitter {
  #place: Place = 'before';
  #line = 1;
  #elementLine = 1;
  #text = '';
  #depth = 0;
  #inString = false;
  #escaped = false;
  #any = false;
  #commaSeen = false;

  *push(chunk: string): Generator<Element> {
    let start = 0;
    for (let i = 0; i < chunk.length; i += 1) {
      const char = chunk.charAt(i);
      if (this.#place === 'element') {
        if (this.#endsElement(char)) {
          this.#text += chunk.slice(start, i);
          yield this.#take();
          this.#between(char);
        }
      } else if (this.#between(char)) start = i;
      if (char === '\n') this.#line += 1;
    }
    if (this.#place !== 'element') return;
    this.#text += chunk.slice(start);
    if (this.#text.length > MAX_ROW_CHARACTERS) throw this.#error('a row is larger than 16 MiB');
  }

  end(): void {
    if (this.#place !== 'after') throw this.#error('the JSON array does not end');
  }

  #take(): Element {
    const element = { text: this.#text.trimEnd(), line: this.#elementLine };
    this.#text = '';
    this.#place = 'separator';
    this.#any = true;
    this.#commaSeen = false;
    return element;
  }

  /** Whether `char` stands behind the element that is being read. */
  #endsElement(char: string): boolean {
    if (this.#inString) return this.#insideString(char);
    if (char === '"') this.#inString = true;
    if (char === '{' || char === '[') this.#depth += 1;
    if (this.#depth === 0) return char === ',' || char === ']' || char === '}';
    if (char === '}' || char === ']') this.#depth -= 1;
    return false;
  }

  #insideString(char: string): false {
    if (this.#escaped) this.#escaped = false;
    else if (char === '\\') this.#escaped = true;
    else if (char === '"') this.#inString = false;
    return false;
  }

  /** Handles a character outside of elements; true where it starts one. */
  #between(char: string): boolean {
    if (char === ' ' || char === '\t' || char === '\r' || char === '\n' || char === '\uFEFF')
      return false;
    if (this.#place === 'before') return this.#open(char);
    if (this.#place === 'after') throw this.#error('text follows the JSON array');
    if (char === ',') return this.#comma();
    if (char === ']') return this.#close();
    this.#place = 'element';
    this.#elementLine = this.#line;
    this.#endsElement(char);
    return true;
  }

  #open(char: string): false {
    if (char !== '[')
      throw this.#error('the file is not a JSON array (for JSON lines, name it .ndjson)');
    this.#place = 'separator';
    return false;
  }

  #comma(): false {
    if (!this.#any || this.#commaSeen) throw this.#error('a row is missing before a comma');
    this.#commaSeen = true;
    return false;
  }

  #close(): false {
    if (this.#commaSeen) throw this.#error('a row is missing behind the last comma');
    this.#place = 'after';
    return false;
  }

  #error(reason: string): CliError {
    return new CliError(`line ${this.#line}: ${reason}`);
  }
}
