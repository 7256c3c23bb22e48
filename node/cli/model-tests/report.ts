// Tells what came of the tests: as a person reads it, or as JSON.

/** Hears of each test as it ends. */
export interface Report {
  passed(model: string, name: string, elapsedMs: number): void;
  failed(model: string, name: string, elapsedMs: number, message: string): void;
  /** Nothing could be tried; this is neither passed nor failed. */
  notDerived(model: string, name: string, reason: string): void;
  /** Something of the model is not tried at all. */
  leftOut(what: string): void;
  /** The last line; false where a test failed, or none ran. */
  end(): boolean;
}

interface Told {
  readonly model: string;
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'not derived';
  readonly durationMs?: number;
  readonly message?: string;
}

class Tally {
  readonly tests: Told[] = [];
  readonly leftOutParts: string[] = [];
  readonly startedMs = performance.now();

  count(outcome: Told['outcome']): number {
    return this.tests.filter((test) => test.outcome === outcome).length;
  }

  get isSound(): boolean {
    return this.count('failed') === 0 && this.count('passed') > 0;
  }
}

/** Lines with ✔, ✖ and, where a test could not be derived, a dash. */
export function spokenReport(print: (line: string) => void): Report {
  const tally = new Tally();
  let shown = '';
  const tell = (told: Told, mark: string, more: string): void => {
    if (told.model !== shown) print(told.model);
    shown = told.model;
    tally.tests.push(told);
    print(`  ${mark} ${told.name}${more}`);
  };
  return {
    passed: (model, name, durationMs) =>
      tell({ model, name, outcome: 'passed', durationMs }, '✔', ` (${durationMs.toFixed(1)} ms)`),
    failed: (model, name, durationMs, message) =>
      tell(
        { model, name, outcome: 'failed', durationMs, message },
        '✖',
        ` (${durationMs.toFixed(1)} ms)\n      ${message}`,
      ),
    notDerived: (model, name, message) =>
      tell({ model, name, outcome: 'not derived', message }, '-', `: not derived: ${message}`),
    leftOut: (what) => {
      tally.leftOutParts.push(what);
      print(`not tried: ${what}`);
    },
    end: () => {
      const failed = tally.tests.filter(({ outcome }) => outcome === 'failed');
      if (failed.length > 0) print('');
      for (const { model, name, message } of failed) print(`✖ ${model}: ${name}\n    ${message}`);
      const seconds = ((performance.now() - tally.startedMs) / 1000).toFixed(1);
      const counts = `${tally.count('passed')} passed, ${failed.length} failed`;
      print(`\n${counts}, ${tally.count('not derived')} not derived, in ${seconds} s`);
      return tally.isSound;
    },
  };
}

/** One JSON document at the end. */
export function jsonReport(print: (line: string) => void): Report {
  const tally = new Tally();
  return {
    passed: (model, name, durationMs) =>
      void tally.tests.push({ model, name, outcome: 'passed', durationMs }),
    failed: (model, name, durationMs, message) =>
      void tally.tests.push({ model, name, outcome: 'failed', durationMs, message }),
    notDerived: (model, name, message) =>
      void tally.tests.push({ model, name, outcome: 'not derived', message }),
    leftOut: (what) => void tally.leftOutParts.push(what),
    end: () => {
      const document = {
        passed: tally.count('passed'),
        failed: tally.count('failed'),
        notDerived: tally.count('not derived'),
        notTried: tally.leftOutParts,
        tests: tally.tests,
      };
      print(JSON.stringify(document));
      return tally.isSound;
    },
  };
}
