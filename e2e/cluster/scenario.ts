import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { diagnose } from './diagnose.ts';
import { apply, kubectl } from './kubectl.ts';

/** What a behaviour is given. */
export interface Scenario {
  /** A namespace of its own in which only restricted pods may run. */
  readonly namespace: string;
  /** Prints what was done or measured. */
  readonly say: (message: string) => void;
}

/** One behaviour in a namespace of its own, which goes away afterwards. */
export function scenario(name: string, body: (scenario: Scenario) => Promise<void>): void {
  test(name, { timeout: 15 * 60_000 }, async () => {
    const namespace = `e2e-${randomBytes(3).toString('hex')}`;
    createNamespace(namespace);
    console.log(`--- ${name}`);
    try {
      await body({ namespace, say: (message) => console.log(`    ${message}`) });
    } catch (error) {
      console.error(diagnose({ environment: {} }, namespace));
      throw error;
    } finally {
      if (process.env['E2E_KEEP'] !== '1') {
        kubectl(['delete', 'namespace', namespace, '--wait=false']);
      }
    }
  });
}

function createNamespace(name: string): void {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  apply('default', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}
