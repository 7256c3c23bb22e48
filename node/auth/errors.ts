/** Why credentials cannot be checked. `keys_unavailable`: what they are checked with is not there. */
export type AuthErrorCode = 'keys_unavailable';

/** Says nothing of credentials: they may be right. */
export class AuthError extends Error {
  readonly code: AuthErrorCode;

  constructor(code: AuthErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AuthError';
    this.code = code;
  }
}
