/** Puts another function in the place of a method; `make` is given the one that was there. */
export function override<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
  make: (original: Target[Name]) => Target[Name],
): void {
  target[name] = make(target[name]);
}
