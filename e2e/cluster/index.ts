/** What the behaviours share: a k3d cluster, kubectl, pods that act as clients, waiting. */
export { ClientPod, checkLoad, startLoad } from './client-pod.ts';
export { diagnose } from './diagnose.ts';
export { installOperator, OPERATOR_NAMESPACE, RELEASE } from './helm.ts';
export { agentNodes, cutOff, killNode, nameCluster, startNode, type TestCluster } from './k3d.ts';
export {
  apply,
  at,
  conditionOf,
  events,
  get,
  type Json,
  kubectl,
  list,
  type Manifest,
  patch,
  text,
} from './kubectl.ts';
export { leaseHolder, podOfHolder } from './lease.ts';
export {
  applyModel,
  exampleModel,
  firstReady,
  membersOf,
  podIdentities,
  waitReady,
} from './models.ts';
export { portForward } from './port-forward.ts';
export { type Scenario, scenario } from './scenario.ts';
export { execute } from './shell.ts';
export { seconds, sleep, waitFor } from './wait.ts';
