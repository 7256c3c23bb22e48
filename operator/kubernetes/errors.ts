/** A refusal of the API server, or no answer at all (`status` 0). */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** `reason` of the metav1.Status in the answer, such as `Conflict` or `Forbidden`. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }

  /** The object is not there. */
  get notFound(): boolean {
    return this.status === 404;
  }

  /** It exists already, or changed since it was read. */
  get conflict(): boolean {
    return this.status === 409;
  }

  /** RBAC does not allow it. */
  get forbidden(): boolean {
    return this.status === 403;
  }
}
