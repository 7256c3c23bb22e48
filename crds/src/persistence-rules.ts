// Words of persistence that mean one of `durability` and `memory`, or what holds of every model.
import { type Path, type Problem, problem } from './problems.ts';
import { memberAt } from './raw-value.ts';

/** What answering early is called, and which durability it is. */
const EARLY = { asynchronous: 'leader', writeBehind: 'periodic' } as const;

/** What every model is, and why none can be otherwise. */
const ALWAYS: Readonly<Record<string, string>> = {
  eventSourced: 'the log of events is the truth of every model',
  replicate: 'every member of a cluster holds every model',
};

/** The durability that a model asks for by any of its names; absent where it asks for none. */
export function durabilityOf(persistence: {
  readonly durability?: 'quorum' | 'leader' | 'periodic';
  readonly asynchronous?: boolean;
  readonly writeBehind?: boolean;
}): 'quorum' | 'leader' | 'periodic' | undefined {
  const { durability, asynchronous = false, writeBehind = false } = persistence;
  if (durability !== undefined) return durability;
  if (writeBehind) return EARLY.writeBehind;
  return asynchronous ? EARLY.asynchronous : undefined;
}

/** Refuses words that contradict each other, and those that no model can keep. */
export function checkPersistenceWords(model: unknown, path: Path): Problem[] {
  const persistence = memberAt(model, 'persistence');
  const place = [...path, 'persistence'];
  return [
    ...checkAlways(persistence, place),
    ...checkEarly(persistence, place),
    ...checkReadable(persistence, place),
  ];
}

function checkAlways(persistence: unknown, place: Path): Problem[] {
  return Object.entries(ALWAYS).flatMap(([name, why]) => {
    if (memberAt(persistence, name) !== false) return [];
    return [problem([...place, name], 'conflicting', `must be true or left out: ${why}`)];
  });
}

function checkEarly(persistence: unknown, place: Path): Problem[] {
  const said = memberAt(persistence, 'durability');
  const asked = Object.entries(EARLY).filter(([name]) => memberAt(persistence, name) === true);
  const [first, second] = asked;
  if (first === undefined) return [];
  const [name, means] = first;
  if (second !== undefined) {
    const message = `${name} is durability: ${means}, ${second[0]} is durability: ${second[1]}`;
    return [problem([...place, second[0]], 'conflicting', `${message}; say one of them`)];
  }
  if (memberAt(persistence, 'consistency') === 'eventual') {
    const message = `${name} does not apply to consistency eventual: a write is on the disk of the node that took it`;
    return [problem([...place, name], 'conflicting', message)];
  }
  if (said === undefined || said === means) return [];
  return [problem([...place, name], 'conflicting', `${name} is durability: ${means}`)];
}

function checkReadable(persistence: unknown, place: Path): Problem[] {
  if (memberAt(persistence, 'optimizedForRead') !== true) return [];
  if (memberAt(persistence, 'memory') !== 'adaptive') return [];
  const message = 'optimizedForRead keeps every row in memory, and memory: adaptive does not';
  return [problem([...place, 'optimizedForRead'], 'conflicting', message)];
}
