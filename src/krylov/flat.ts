/** Arithmetic of vectors of numbers: what all methods compute with. */

/** x . y */
export function dot(x: Float64Array, y: Float64Array): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i] * y[i];
  return total;
}

/** The Euclidean norm, also where the squares leave the range of numbers. */
export function norm(x: Float64Array): number {
  const squares = dot(x, x);
  if (squares > 1e-280 && squares < Infinity) return Math.sqrt(squares);
  let largest = 0;
  for (const each of x) {
    if (Number.isNaN(each)) return Number.NaN;
    largest = Math.max(largest, Math.abs(each));
  }
  if (largest === 0 || largest === Infinity) return largest;
  let total = 0;
  for (const each of x) total += (each / largest) ** 2;
  return largest * Math.sqrt(total);
}

/** y := y + a x, in place. */
export function addScaled(y: Float64Array, a: number, x: Float64Array): void {
  for (let i = 0; i < y.length; i++) y[i] += a * x[i];
}

/** a x */
export function scaled(a: number, x: Float64Array): Float64Array {
  return x.map((each) => a * each);
}

/** x / a, also where 1 / a would overflow. */
export function divided(x: Float64Array, a: number): Float64Array {
  return x.map((each) => each / a);
}

/** x + a y */
export function plus(x: Float64Array, a: number, y: Float64Array): Float64Array {
  return x.map((each, i) => each + a * y[i]);
}
