/** Special functions. */

export { log1mexp, logaddexp, logit, xlogy } from '../logarithms.ts';
export { erfc, erfinv } from '../special/errorFunctions.ts';
export { digamma, gammaln, polygamma } from '../special/gamma.ts';
