// What must hold of the tracing of a model, and of where traces go.
import { type Path, type Problem, problem } from './problems.ts';
import { memberAt } from './raw-value.ts';

/** Refuses rates that are no share, and bodies in clear where the model asks for ciphers. */
export function checkTracing(model: unknown, path: Path): Problem[] {
  const tracing = memberAt(model, 'tracing');
  const place = [...path, 'tracing'];
  return [...checkRate(tracing, place), ...checkBody(model, tracing, place)];
}

function checkRate(tracing: unknown, place: Path): Problem[] {
  const rate = memberAt(tracing, 'sampleRate');
  if (typeof rate !== 'number' || (rate >= 0 && rate <= 1)) return [];
  const message = `must be between 0 and 1, not ${rate}`;
  return [problem([...place, 'sampleRate'], 'out_of_range', message)];
}

function checkBody(model: unknown, tracing: unknown, place: Path): Problem[] {
  if (memberAt(tracing, 'includeBody') !== true) return [];
  if (memberAt(memberAt(model, 'security'), 'encryptionAtRest') !== true) return [];
  const message =
    'traces would hold in clear what encryptionAtRest encrypts: leave includeBody out';
  return [problem([...place, 'includeBody'], 'conflicting', message)];
}

/** Nodes end where the URL is none; what its pattern refuses is told already. */
export function checkMonitoring(cluster: unknown, path: Path): Problem[] {
  const endpoint = memberAt(memberAt(memberAt(cluster, 'monitoring'), 'traces'), 'endpoint');
  if (typeof endpoint !== 'string' || !/^https?:\/\/[^ $/?#@]+/.test(endpoint)) return [];
  if (URL.parse(endpoint) !== null) return [];
  const place = [...path, 'monitoring', 'traces', 'endpoint'];
  return [problem(place, 'invalid_value', `is no URL: ${JSON.stringify(endpoint)}`)];
}
