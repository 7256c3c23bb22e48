import { parseArgs } from 'node:util';

export const HELP = `An independent fuzzer against the API: Schemathesis, driven by /openapi.json.

Usage: make fuzz-api [VARIABLE=VALUE …]   or   node e2e/fuzz-api/main.ts [--option value …]

  EXAMPLES  --examples N   test cases of each operation, besides those of its boundaries (default 1000)
  SEED      --seed N       of the first run; each further run takes the next (default 1)
  ONLY      --only WORD    runs whose name holds WORD (default: all)
            --help

The runs, in this order: "shop, open", "shop, as an editor", "shop, as anybody", "movies, open",
"movies, as an editor", "movies, as anybody", "ledger, open", "blog, as an editor",
"blog, as anybody", "orders, as a clerk" and "kinds, open". One alone: make fuzz-api ONLY=ledger; as
after a failure, with the seed that was printed: make fuzz-api ONLY=clerk SEED=10.
With a thousand examples of each operation a run takes 4 to 40 minutes. Every half a minute it says
how far it is.

Needs Python 3.10 or later with venv, and once its package index. It fails on a status 5xx, a
status, header or body that the document does not describe, a body that fits the document and is
refused, and one that does not fit and is taken.
Exit code 0: nothing found, 1: something was found, 2: the command line is wrong,
130: interrupted.
`;

/** What was asked for on the command line. */
export interface Options {
  readonly examples: number;
  readonly seed: number;
  readonly only: string;
  readonly help: boolean;
}

/** @throws Error with what is wrong, in a sentence */
export function parseOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      examples: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    examples: wholeNumber('--examples', values.examples),
    seed: wholeNumber('--seed', values.seed),
    only: values.only,
    help: values.help,
  };
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${name} must be a whole number from 1 on`);
  return Number(text);
}
