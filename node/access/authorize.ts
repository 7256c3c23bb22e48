import type { AuthSpec } from '@lithair/crds';
import type { Actor } from '../ports/index.ts';

/** What a caller wants to do with the aggregates of a model. */
export type AccessOperation = 'create' | 'read' | 'list' | 'update' | 'delete';

/**
 * Whether the actor may. Asked before the body is read and validated, so that a caller without
 * the right learns nothing from validation errors.
 */
export type Authorize = (actor: Actor, operation: AccessOperation, model: string) => boolean;

/** The rights that the model declares; where `auth.mode` is `open` everybody may do everything. */
export function createAuthorize(auth: AuthSpec): Authorize {
  switch (auth.mode) {
    case 'open':
      return () => true;
  }
}
