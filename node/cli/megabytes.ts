const MEGABYTE = 1_000_000;

/** A size for people, such as `12.3 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / MEGABYTE).toFixed(bytes < MEGABYTE ? 3 : 1)} MB`;
}
