const QUANTITY =
  /^([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?\d+))?$/;

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * Value of a Kubernetes quantity such as `100m` or `10Gi`; null where it is none.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function parseQuantity(text: string): number | null {
  const match = QUANTITY.exec(text);
  if (match === null) return null;
  const [, digits, suffix, exponent] = match;
  const factor = suffix === undefined ? 10 ** Number(exponent ?? 0) : (FACTORS[suffix] ?? 1);
  return Number(digits) * factor;
}

/** Whether two quantities are the same amount: the API server writes `0.5` back as `500m`. */
export function sameQuantity(a: string, b: string): boolean {
  const left = parseQuantity(a);
  const right = parseQuantity(b);
  if (left === null || right === null) return a === b;
  return Math.abs(left - right) <= Math.abs(left) * 1e-12;
}
