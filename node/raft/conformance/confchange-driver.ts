import type { TrackedConfiguration } from '../src/confchange/index.ts';
import { Changer } from '../src/confchange/index.ts';
import type { ConfChangeSingle } from '../src/index.ts';
import { ConfChangeError } from '../src/index.ts';
import { ProgressTracker } from '../src/tracker/index.ts';
import { parseBoolean } from './arguments.ts';
import { parseConfChanges } from './conf-changes.ts';
import type { TestCase } from './datadriven.ts';

const MAX_INFLIGHT = 10;

/** Runs `simple`, `enter-joint` and `leave-joint` on a configuration that begins empty. */
export function confChangeDriver(): (test: TestCase) => string {
  const tracker = new ProgressTracker(MAX_INFLIGHT, 0);
  let lastIndex = 0;
  return (test) => {
    // Every directive is taken to stand one entry further in the log.
    const changer = new Changer(tracker, lastIndex++);
    try {
      const next = run(changer, test, parseConfChanges(test.input));
      if (typeof next === 'string') return next;
      tracker.install(next.config, next.progress);
    } catch (error) {
      if (error instanceof ConfChangeError) return `${error.message}\n`;
      throw error;
    }
    const members = tracker.members.map((member) => `${member.id}: ${member.toString()}\n`);
    return `${tracker.config.toString()}\n${members.join('')}`;
  };
}

function run(
  changer: Changer,
  test: TestCase,
  changes: readonly ConfChangeSingle[],
): TrackedConfiguration | string {
  switch (test.command) {
    case 'simple':
      return changer.simple(changes);
    case 'enter-joint': {
      const autoLeave = test.args.find((arg) => arg.key === 'autoleave')?.values[0];
      return changer.enterJoint(autoLeave !== undefined && parseBoolean(autoLeave), changes);
    }
    case 'leave-joint':
      if (changes.length > 0) return 'this command takes no input\n';
      return changer.leaveJoint();
    default:
      return 'unknown command';
  }
}
