/** A product of the bench model as a client sends it; about 200 bytes once it has its id. */
export function productBody(n: number): string {
  const price = `${(n % 1000) + 1}.50`;
  const category = `category-${n % 50}`;
  return JSON.stringify({
    name: `Product ${n}`,
    price,
    stock: n % 500,
    category,
    description: 'A thing of average size, in average colours, for everyday use.',
  });
}
