import { compileSchema } from '@lithair/crds';
import { foundCluster } from './consensus/index.ts';
import type { FieldVault } from './encryption/index.ts';
import { withFieldKey } from './field-keys.ts';
import type { Log } from './log/index.ts';
import type { Placement } from './membership/index.ts';
import type { NodeOptions } from './options.ts';
import { createState, type InitialState } from './state/index.ts';

/** What a cluster begins with, apart from its model and its place. */
interface Beginning extends Pick<InitialState, 'applyVersion' | 'nowMs'> {
  /** Makes the key of encrypted fields. */
  readonly vault: FieldVault;
}

/** The first snapshot of a new cluster: its model, and this node as its only member. */
export async function beginCluster(
  log: Log,
  placement: Placement,
  { name, spec }: Pick<NodeOptions, 'name' | 'spec'>,
  { applyVersion, nowMs, vault }: Beginning,
): Promise<void> {
  const { clusterId, memberId, diskUuid, address, region } = placement;
  const member = { id: memberId, name, address, diskUuid, intent: 'voter' } as const;
  const state = createState({
    clusterId,
    epoch: 1,
    schema: withFieldKey(compileSchema(spec), null, vault),
    members: [region === undefined ? member : { ...member, region }],
    ...(applyVersion !== undefined && { applyVersion }),
    nowMs,
  });
  await foundCluster(log, state, memberId);
}
