/** Thrown when the Go module cannot be asked; says nothing about any script. */
export class OracleError extends Error {
  override readonly name = 'OracleError';
}
