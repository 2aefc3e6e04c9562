/** Results as plain records, one for each pair of a time and what it is compared with: what `--json` prints. */
import { median, ratioOf } from '../measure.js';

/**
 * @typedef {object} Record
 * @property {string} case
 * @property {string} engine chainrule's backend
 * @property {string | null} peer
 * @property {number | null} ours_us median time in microseconds
 * @property {number | null} peer_us
 * @property {number | null} ratio the median of the rounds' ratios: below 1, chainrule is faster
 * @property {string} [ours_version]
 * @property {string} [peer_version]
 * @property {string} variant of chainrule
 * @property {number} threads of this variant
 * @property {number} [peer_threads]
 * @property {true} [limit] whether the peer is what cannot be passed, and not somebody who does the same
 * @property {number} [flops] operations that the case consists of
 * @property {number} [bytes] bytes that it reads and writes at least
 */

const backend = 'wasm';

const rounded = (number, digits) => Number(number.toPrecision(digits));
const micro = (seconds) => rounded(seconds * 1e6, 5);

const ourSide = ({ variant, threads, label }) => ({ ours_version: label, variant, threads });

/** What the times of a case can be divided by. */
const workOf = ({ kind, m, k, n, bytes }) => ({
  ...(kind === 'product' ? { flops: 2 * m * k * n } : {}),
  ...(bytes ? { bytes } : {}),
});

/** @returns {Record} */
function pair(name, our, other, more) {
  return {
    case: name,
    engine: backend,
    peer: other.peer ?? other.engine.name,
    ours_us: micro(median(our.samples)),
    peer_us: micro(median(other.samples)),
    ratio: rounded(ratioOf(our.samples, other.samples), 4),
    ...ourSide(our.engine),
    peer_version: other.engine.label,
    peer_threads: other.engine.threads,
    ...more,
  };
}

/** The line of a time that has no peer. @returns {Record} */
const alone = (name, seconds, engine, more) => ({
  case: name,
  engine: backend,
  peer: null,
  ours_us: seconds === null ? null : micro(seconds),
  peer_us: null,
  ratio: null,
  ...ourSide(engine),
  ...more,
});

/** The fastest of each name among these results (PyTorch runs once per number of threads). */
function bestOfEach(results) {
  const best = new Map();
  for (const result of results) {
    const { name } = result.engine;
    if (!best.has(name) || median(result.samples) < median(best.get(name).samples)) best.set(name, result);
  }
  return [...best.values()];
}

/** PyTorch with the threads that serve it best; the others with no more than chainrule has. */
const isPeerOf = ({ name, role, threads }, ours) =>
  role === 'peer' && (name === 'pytorch' || threads <= ours.threads);

/** A limit belongs to the variants with as many threads and instructions like its own; that of a step to all. */
export const isLimitOf = ({ kind }, { threads, relaxed }, ours) =>
  kind === 'step' ||
  (threads === ours.threads && (relaxed === undefined || relaxed === (ours.relaxed ?? false)));

/** The same variant with one thread. */
const oneThread = ({ engine: { variant } }, ours) =>
  ours.find(({ engine }) => engine.variant !== variant && engine.variant === variant.replace(/\d+$/, '1'));

/**
 * A record for each variant of chainrule beside each peer, beside the limit, and beside itself with one thread. The limit
 * has as many threads as the variant; that of a step, its products alone, as many as serve it best.
 * @param {import('../compare.js').Result[]} results
 * @returns {Record[]}
 */
export function comparisonRecords(testCase, results, name = testCase.name) {
  const role = (wanted) => results.filter(({ engine }) => engine.role === wanted);
  const ours = role('ours');
  const work = workOf(testCase);
  return ours.flatMap((our) => {
    const peers = bestOfEach(results.filter(({ engine }) => isPeerOf(engine, our.engine)));
    const limits = role('limit').filter(({ engine }) => isLimitOf(testCase, engine, our.engine));
    const single = oneThread(our, ours);
    const records = [
      ...peers.map((peer) => pair(name, our, peer, work)),
      ...bestOfEach(limits).map((limit) =>
        pair(name, our, { ...limit, peer: limitName(testCase, limit) }, { limit: true, ...work }),
      ),
      ...(single === undefined
        ? []
        : [pair(name, our, { ...single, peer: `chainrule: ${single.engine.variant}` }, work)]),
    ];
    return records.length > 0 ? records : [alone(name, median(our.samples), our.engine, work)];
  });
}

const limitName = ({ kind }, { engine }) => (kind === 'step' ? 'step-gemms' : engine.name);

/**
 * The first part beside the best of the others.
 * @param {{ part: string, samples: number[] }[]} parts
 * @returns {Record[]}
 */
export function derivativeRecords({ name }, engine, [our, ...others]) {
  const best = others.reduce((a, b) => (median(b.samples) < median(a.samples) ? b : a));
  return [pair(name, { ...our, engine }, { ...best, engine, peer: `chainrule: ${best.part}` })];
}

/** @returns {Record[]} */
export const buildRecords = ({ name }, engine, phases) =>
  Object.entries(phases).map(([phase, seconds]) => alone(`${name}-${phase}`, seconds, engine));

/** @returns {Record[]} */
export const compileRecords = ({ name }, engine, { seconds, exponent }) => [
  ...Object.entries(seconds).map(([part, each]) =>
    alone(part === '' ? name : `${name}-${part}`, each, engine),
  ),
  ...(exponent === undefined ? [] : [alone(name, null, engine, { exponent: rounded(exponent, 4) })]),
];
