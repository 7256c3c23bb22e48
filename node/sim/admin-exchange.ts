import {
  type AdminAnswer,
  type AdminExchange,
  type AdminRequest,
  AdminUnreachableError,
} from '../membership/index.ts';
import type { Machine, MachineWorld } from './machine.ts';
import type { Process, Scheduler } from './world/index.ts';

/** Brings administrative requests of one machine's process to the process of another. */
export function adminExchange(
  world: MachineWorld,
  asker: Process,
  from: string,
  to: string,
): AdminExchange {
  const { scheduler, network } = world;
  return (method, path, body, timeoutMs) =>
    new Promise((resolve, reject) => {
      const fail = (reason: string): void => reject(new AdminUnreachableError(reason));
      const hear = (answer: AdminAnswer | null): void => {
        if (network.isCut(to, from)) return;
        scheduler.after(network.travelMs(), 'admin answer', asker, () => {
          if (answer === null) fail('connection refused');
          else resolve(answer);
        });
      };
      scheduler.after(timeoutMs, 'timeout', asker, () => fail('no answer in time'));
      if (network.isCut(from, to)) return;
      const request = { method, path: `/_admin/${path}`, query: '', body: copyOf(body) };
      scheduler.after(network.travelMs(), `ask ${to}`, null, () =>
        serve(world.machine(to), request, scheduler, hear),
      );
    });
}

function serve(
  machine: Machine | undefined,
  request: AdminRequest,
  scheduler: Scheduler,
  hear: (answer: AdminAnswer | null) => void,
): void {
  const process = machine?.process ?? null;
  const core = machine?.core ?? null;
  if (process === null || core === null || !machine?.isListening) return hear(null);
  const answer = async (): Promise<void> => {
    const { status, body } = await core.administer(request);
    if (process.alive) hear({ status, body: copyOf(body) });
  };
  scheduler.after(0, 'administer', process, () => void answer());
}

/** What goes over the wire is text. */
function copyOf(body: unknown): unknown {
  return body === undefined ? undefined : JSON.parse(JSON.stringify(body));
}
