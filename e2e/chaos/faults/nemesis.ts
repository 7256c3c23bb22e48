import { pause } from '../wait.ts';
import { disk, whyNoDiskErrors } from './disk-faults.ts';
import { resize } from './elastic-members.ts';
import { type Fault, last, type Scene } from './fault.ts';
import { replace, transfer } from './member-faults.ts';
import { delay, loss, oneWay, packetLoss, partition } from './network-faults.ts';
import { freeze, kill, killAll, restart } from './process-faults.ts';

const FAULTS: Readonly<Record<string, Fault>> = {
  kill,
  'kill all': killAll,
  restart,
  SIGSTOP: freeze,
  partition,
  'one-way partition': oneWay,
  delay,
  'packet loss': packetLoss,
  'connection loss': loss,
  'disk error': disk,
  'member replaced': replace,
  'leadership transfer': transfer,
  'voters changed': resize,
};

/** One thing of a lane goes on at a time; lanes go on side by side. */
interface Lane {
  readonly weights: Readonly<Record<string, number>>;
  /** Calm between two faults. */
  readonly calmMs: readonly [number, number];
}

const NETWORK: Lane = {
  weights: {
    partition: 5,
    'one-way partition': 4,
    delay: 3,
    'packet loss': 3,
    'connection loss': 3,
  },
  calmMs: [500, 3000],
};
const FREEZE: Lane = { weights: { SIGSTOP: 1 }, calmMs: [500, 3000] };

const RESIZE: Lane = { weights: { 'voters changed': 1 }, calmMs: [500, 4000] };

function processLane(hasDiskErrors: boolean): Lane {
  return {
    weights: {
      kill: 5,
      'kill all': 0.7,
      restart: 1.5,
      'disk error': hasDiskErrors ? 2 : 0,
      'member replaced': 3,
      'leadership transfer': 3,
    },
    calmMs: [500, 2500],
  };
}

/** Injects faults until the run is over; all is mended when it resolves, but for what the cluster does itself. */
export async function torment(scene: Scene): Promise<void> {
  const withoutDisk = whyNoDiskErrors();
  if (withoutDisk !== null) console.log(`  disk errors are left out: ${withoutDisk}`);
  const lanes = [NETWORK, FREEZE, RESIZE, processLane(withoutDisk === null)];
  await Promise.all(lanes.map((lane) => runLane({ ...scene, random: scene.random.fork() }, lane)));
}

async function runLane(scene: Scene, { weights, calmMs }: Lane): Promise<void> {
  const { random, over, recorder } = scene;
  while (!over.aborted) {
    // Each fault draws from a source of its own: how many choices one needs, which depends on what
    // it meets, changes nothing of those that follow.
    const [calm, name, own] = [random.between(...calmMs), random.weighted(weights), random.fork()];
    await last(scene, calm);
    if (over.aborted) return;
    const invoked = recorder.now();
    const detail = await FAULTS[name]?.({ ...scene, random: own });
    if (detail === null || detail === undefined) await pause(100);
    else recorder.add({ kind: 'fault', name, detail, invoked, completed: recorder.now() });
  }
}
