// A model file: one YAML (or JSON) document that holds a LithairModel or just its spec. Every
// problem gets its line and column.
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
} from 'yaml';
import { resourceShape, specShape } from './language.ts';
import { compareDecimals, decimalOf, isDecimal } from './lexical.ts';
import { type FileProblem, type Problem, problem } from './problems.ts';
import { API_VERSION, KIND, type LithairModel } from './resource.ts';
import { type RecordShape, shapeAt } from './shape.ts';
import { validateResource, validateSpec } from './validate.ts';

export type ModelFile =
  | { ok: true; value: LithairModel; authDeclared: boolean; warnings: FileProblem[] }
  | { ok: false; problems: FileProblem[] };

/** Longest file, in characters. */
const MAX_FILE_LENGTH = 1024 * 1024;
/** Most nodes that aliases may stand for, in total. */
const MAX_ALIAS_COUNT = 100;
/** One mistake often makes many errors after it. */
const MAX_SYNTAX_ERRORS = 10;
/** How the parser reports that nesting used up the stack. */
const STACK_OVERFLOW = /call stack|stack overflow/i;

/**
 * Reads a model file. `fileName` is what problems call the file. A bare spec becomes a resource
 * named `local`.
 */
export function readModelFile(text: string, fileName: string): ModelFile {
  const source = new Source(text, fileName);
  const document = source.document();
  if (!document) return { ok: false, problems: source.problems };
  const value: unknown = source.value(document);
  if (value === undefined) return { ok: false, problems: source.problems };
  const result = isBareSpec(value) ? validateBare(value) : validateResource(value);
  const place = (p: Problem) => source.place(document, p);
  const problems = [...source.problems, ...(result.ok ? [] : result.problems.map(place))];
  if (!result.ok || problems.length > 0) {
    return { ok: false, problems: problems.toSorted(byPosition) };
  }
  return { ...result, warnings: result.warnings.map(place) };
}

function isBareSpec(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const says = (name: string) => Object.hasOwn(value, name);
  return says('models') && !says('spec') && !says('kind') && !says('apiVersion');
}

function validateBare(value: unknown) {
  const result = validateSpec(value);
  if (!result.ok) return result;
  const metadata = { name: 'local' };
  const model: LithairModel = { apiVersion: API_VERSION, kind: KIND, metadata, spec: result.value };
  return { ...result, value: model };
}

function byPosition(a: FileProblem, b: FileProblem): number {
  return a.line - b.line || a.column - b.column;
}

class Source {
  readonly problems: FileProblem[] = [];
  private readonly lines = new LineCounter();
  private readonly text: string;
  private readonly file: string;

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
  }

  /** The one document of the file; problems say why there is none. */
  document(): Document | undefined {
    if (this.text.length > MAX_FILE_LENGTH) {
      this.add(0, 'too_large', `the file has more than ${MAX_FILE_LENGTH} characters`);
      return undefined;
    }
    const [document, second] = this.parse();
    if (this.problems.length > 0) return undefined;
    if (!document) this.add(0, 'yaml_syntax', 'the file is empty');
    if (!second) return document;
    this.add(second.range[0], 'yaml_syntax', 'one document per file, and this is a second');
    return undefined;
  }

  /** The document as plain data. */
  value(document: Document): unknown {
    try {
      this.checkScalars(document);
      if (this.problems.some(({ code }) => code === 'yaml_syntax')) return undefined;
      const value: unknown = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
      return value;
    } catch (error) {
      this.add(0, 'yaml_syntax', reasonOf(error));
      return undefined;
    }
  }

  place(document: Document, p: Problem): FileProblem {
    const { line, col } = this.lines.linePos(offsetOf(document, p));
    return { ...p, file: this.file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  private parse(): Document.Parsed[] {
    const options = { lineCounter: this.lines, uniqueKeys: true, prettyErrors: false } as const;
    try {
      const parsed = parseAllDocuments(this.text, { ...options, version: '1.2', merge: false });
      const documents = Array.isArray(parsed) ? parsed : [];
      const errors = documents.flatMap((document) => [...document.errors, ...document.warnings]);
      if (errors.some(({ message }) => STACK_OVERFLOW.test(message))) throw new RangeError();
      for (const error of errors.slice(0, MAX_SYNTAX_ERRORS)) {
        this.add(error.pos[0], 'yaml_syntax', plain(error.message));
      }
      return documents;
    } catch (error) {
      this.add(0, 'yaml_syntax', reasonOf(error));
      return [];
    }
  }

  /** Scalars that do not mean the same to every reader of the file, Kubernetes among them. */
  private checkScalars(document: Document): void {
    visit(document, {
      Scalar: (_, node) => {
        if (node.type !== 'PLAIN' || node.source === undefined) return;
        const reason = explainScalar(node.source, node.value);
        if (reason) this.add(node.range?.[0] ?? 0, 'unreadable_scalar', reason);
      },
      Pair: (_, pair) => {
        if (isScalar(pair.key) && typeof pair.key.value === 'string') return;
        const at = isNode(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
        this.add(at, 'yaml_syntax', 'the name of an attribute must be a string');
      },
    });
  }

  private add(offset: number, code: Problem['code'], message: string): void {
    const { line, col } = this.lines.linePos(offset);
    const place = { file: this.file, line: Math.max(1, line), column: Math.max(1, col) };
    this.problems.push({ ...problem([], code, message), ...place });
  }
}

const YAML_11_BOOLEAN = /^(yes|no|on|off)$/i;
const YAML_11_OCTAL = /^[-+]?0[0-9_]+$/;

function explainScalar(source: string, value: unknown): string | undefined {
  if (YAML_11_BOOLEAN.test(source) || YAML_11_OCTAL.test(source)) {
    return `${source} means different things to different readers of YAML: put it in quotes`;
  }
  if (typeof value !== 'number') return undefined;
  if (!Number.isFinite(value)) return `${source} is not a number that JSON has`;
  const exact = !isDecimal(source) || compareDecimals(source, decimalOf(value)) === 0;
  return exact ? undefined : `${source} has more digits than a number holds: put it in quotes`;
}

/** An attribute that is not in the language is its name; a missing one is the map that lacks it. */
function offsetOf(document: Document, { pointer }: Problem): number {
  const steps = stepsOf(pointer);
  const known = isKnown(resourceShape, steps) || isKnown(specShape, steps);
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, step] of steps.entries()) {
    const resolved = isAlias(node) ? node.resolve(document) : node;
    const [key, child] = childOf(resolved, step);
    const isLast = index === steps.length - 1;
    offset =
      (isLast && !known ? startOf(key) : undefined) ?? startOf(child) ?? startOf(key) ?? offset;
    node = child;
  }
  return offset;
}

function isKnown(root: RecordShape, steps: readonly string[]): boolean {
  return (
    shapeAt(
      root,
      steps.map((step) => (/^[0-9]+$/.test(step) ? Number(step) : step)),
    ) !== undefined
  );
}

function childOf(node: unknown, step: string): [unknown, unknown] {
  if (isSeq(node)) return [undefined, node.items[Number(step)]];
  if (!isMap(node)) return [undefined, undefined];
  const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
  return [pair?.key, pair?.value];
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function stepsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** What the parser threw: unresolved aliases, too many of them, or nesting beyond the stack. */
function reasonOf(error: unknown): string {
  if (error instanceof RangeError) return 'maps and lists are nested too deep';
  return error instanceof Error ? plain(error.message) : 'it cannot be read';
}

/** The first line of a message of the parser, as part of a sentence. */
function plain(message: string): string {
  const [line = ''] = message.split('\n');
  return line.replace(/:$/, '').replace(/^./, (first) => first.toLowerCase());
}
