import type { PromoteRegionRequest, PromoteRegionResponse } from '@lithair/crds/contract';
import { type AdminClient, AdminUnreachableError } from '../membership/index.ts';

const LOOK_EVERY_MS = 300;
const START_MS = 60_000;

type Client = Pick<AdminClient, 'status' | 'promoteRegion'>;

/**
 * Promotes a region, or tells what that would mean, in sentences for whoever decides.
 *
 * @throws AdminRefusedError, AdminUnreachableError
 */
export async function promoteRegionOf(
  client: Client,
  request: PromoteRegionRequest,
): Promise<string> {
  const answer = await client.promoteRegion(request);
  const told = sentencesOf(answer);
  if (answer.result === 'would-promote') {
    const { clusterId, epoch } = answer;
    const how = `--confirm ${clusterId}/${epoch}`;
    const first = 'Make sure that the members left behind are down or cut off from clients.';
    return [...told, 'Nothing was changed.', first, `To do it, add ${how}`].join('\n');
  }
  await begun(client, answer.epoch + 1);
  const next = `Epoch ${answer.epoch + 1} of cluster ${answer.clusterId} serves.`;
  const rest = 'The other members are refused by it: start each again with an empty directory.';
  return [...told, next, rest].join('\n');
}

function sentencesOf(answer: PromoteRegionResponse): string[] {
  const { memberId, epoch, index, logTimeMs, commit, heardMs, left } = answer;
  const time = new Date(logTimeMs).toISOString();
  const heard = heardMs === null ? 'not since it was started' : `${seconds(heardMs)} s ago`;
  return [
    `Member ${memberId} holds entries up to ${index}; its last log time is ${time}.`,
    `It knows of entries up to ${commit} that a quorum had; a voter was heard last ${heard}.`,
    `What was acknowledged since then, and is not among its entries, is lost with epoch ${epoch}.`,
    `Left behind: ${left.join(', ')}.`,
  ];
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** The member starts again meanwhile. */
async function begun(client: Client, epoch: number): Promise<void> {
  const dueMs = performance.now() + START_MS;
  while (performance.now() < dueMs) {
    const status = await client.status().catch(() => null);
    const isThere = status !== null && !('waiting' in status) && status.epoch === epoch;
    if (isThere && status.ready && status.role === 'leader') return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new AdminUnreachableError('the region is promoted, but the member does not serve yet');
}
