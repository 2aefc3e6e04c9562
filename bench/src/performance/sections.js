/** The tables of docs/performance.md, a function of the saved records each. */
import { digits, duration, table } from './markdown.js';
import { groupBy, rowsOf } from './records.js';

const peers = ['jax-js', 'jax-js on 2 threads', 'tfjs', 'pytorch'];
const peerTitles = ['to jax-js', 'on 2 threads', 'to TensorFlow.js', 'to PyTorch'];

const nameOf = ({ name, isFirst }) => (isFirst ? name : '');
const toPeers = (each) => peers.map((peer) => digits(each.to(peer)));

const steps = (records) =>
  table(
    ['one training step', 'variant', 'time', ...peerTitles, 'to its products alone'],
    rowsOf(records).map((each) => [
      nameOf(each),
      each.variant,
      duration(each.us),
      ...toPeers(each),
      digits(each.to('step-gemms')),
    ]),
  );

const beside = (title) => (records) =>
  table(
    [title, 'variant', 'time', ...peerTitles],
    rowsOf(records).map((each) => [nameOf(each), each.variant, duration(each.us), ...toPeers(each)]),
  );

const products = (records) =>
  table(
    ['product', 'variant', 'time', 'GFLOP/s', ...peerTitles, 'to the BLAS'],
    rowsOf(records).map((each) => [
      nameOf(each),
      each.variant,
      duration(each.us),
      digits(each.speed('flops')),
      ...toPeers(each),
      digits(each.to('blas')),
    ]),
  );

/**
 * Speed beside that of limits with as many threads.
 * @param {{ what: string, unit: string, work: 'flops' | 'bytes', limits: [peer: string, title: string][] }} columns `work` in 10^9 a second
 *   is `unit`
 */
const besideLimits =
  ({ what, unit, work, limits }, withPeers) =>
  (records) =>
    table(
      [
        ...[what, 'variant', 'time', unit],
        ...limits.flatMap(([, title]) => [`${title} ${unit}`, `time to ${title}`]),
        ...(withPeers ? peerTitles : []),
      ],
      rowsOf(records).map((each) => [
        ...[nameOf(each), each.variant, duration(each.us), digits(each.speed(work))],
        ...limits
          .map(([peer]) => each.beside(peer))
          .flatMap((limit) => [digits(limit && limit[work] / limit.peer_us / 1e3), digits(limit?.ratio)]),
        ...(withPeers ? toPeers(each) : []),
      ]),
    );

const shapes = besideLimits(
  {
    what: 'shape (m x k x n)',
    unit: 'GFLOP/s',
    work: 'flops',
    limits: [
      ['blas', 'BLAS'],
      ['arithmetic', 'arithmetic'],
    ],
  },
  false,
);

const memory = besideLimits(
  { what: 'operation', unit: 'GB/s', work: 'bytes', limits: [['copy', 'copy']] },
  true,
);

/** How many times faster a variant is than the same one with one thread. */
function threads(records) {
  const own = records.filter(({ peer }) => /^chainrule: \w+-1$/.test(peer ?? ''));
  return table(
    ['case', 'variant', 'one thread', 'time', 'speed-up'],
    own.map((each) => [
      each.case,
      each.variant,
      duration(each.peer_us),
      duration(each.ours_us),
      digits(1 / each.ratio),
    ]),
  );
}

const derivatives = (records) =>
  table(
    ['derivative', 'variant', 'time', 'beside', 'its time', 'ratio'],
    records.map((each) => [
      each.case,
      each.variant,
      duration(each.ours_us),
      each.peer.replace('chainrule: ', ''),
      duration(each.peer_us),
      digits(each.ratio),
    ]),
  );

const programs = (records) =>
  table(
    ['what', 'time'],
    records.map((each) => [
      each.exponent === undefined ? each.case : `${each.case} (exponent of the depth)`,
      each.exponent === undefined ? duration(each.ours_us) : digits(each.exponent),
    ]),
  );

/** chainrule's variants and the peers as rows of their own: what counts is the time itself. */
function starts(records) {
  const engines = (list) => [
    ...groupBy(list, (each) => each.variant).map(([each]) => [each.ours_version, each.ours_us]),
    ...groupBy(
      list.filter(({ peer_version, peer }) => peer_version && !peer.startsWith('chainrule')),
      (each) => each.peer,
    ).map(([each]) => [each.peer_version, each.peer_us]),
  ];
  return table(
    ['', 'engine', 'time'],
    groupBy(records, (each) => each.case).flatMap((list) =>
      engines(list).map(([label, us], i) => [i === 0 ? list[0].case : '', label, duration(us)]),
    ),
  );
}

/**
 * @typedef {object} Section
 * @property {string} title
 * @property {string} only the cases, as a regular expression for `--only`
 * @property {string} text
 * @property {(records: import('../report/records.js').Record[]) => string} body
 */

/** @type {Section[]} */
export const sections = [
  {
    title: 'Training steps of perceptrons',
    only: '^step-',
    text: 'Forward, backward and SGD update. The products alone are the same matrix products as calls of OpenBLAS with 1 or 2 threads, whichever is faster: what a step with nothing else to do would take.',
    body: steps,
  },
  {
    title: 'Training steps of other networks',
    only: '^(transformer|convolution|lstm)',
    text: 'A block of attention, layer norm and perceptron; two convolutions; a recurrent layer over a sequence. TensorFlow.js has no gradient of a convolution kernel on its WebAssembly backend.',
    body: beside('one training step'),
  },
  {
    title: 'Square products',
    only: '^matmul-',
    text: 'The product is handed back as numbers.',
    body: products,
  },
  {
    title: 'Shapes of products',
    only: '^gemm-',
    text: "The product stays in the memory of the engine. A factor that is kept transposed is marked t. The BLAS is OpenBLAS, with as many threads as the variant. Arithmetic is the product's multiplications and additions alone, between registers, in the instructions that the variant has: what WebAssembly cannot pass on this machine.",
    body: shapes,
  },
  {
    title: 'Operations that memory limits',
    only: '^(sum|add-row|elementwise|matrix-vector|softmax|layer-norm)',
    text: 'Arrays of 64 MiB, far beyond the caches. Bytes are counted once: each operand read, the result written. The copy moves as many, with as many threads.',
    body: memory,
  },
  {
    title: 'Two threads',
    only: '^(?!cold-start)',
    text: 'The same program on two threads over the same on one.',
    body: threads,
  },
  {
    title: 'Derivatives',
    only: '^(jacobian|gradient)-',
    text: 'A gradient beside its function alone: parameters go in and the gradient comes out as numbers, which for a perceptron with a BLAS takes as long as computing it; a Jacobian in the mode that is chosen for it beside the better of both modes.',
    body: derivatives,
  },
  {
    title: 'Graphs and compilation',
    only: '^(gradients|compile)-',
    text: 'Building and differentiating large graphs, and the first call of a new training step with its stages ([bench/README.md](../bench/README.md) says what each line is).',
    body: programs,
  },
  {
    title: 'Calls',
    only: '^call-overhead',
    text: 'Four numbers go in, 1 is added, four numbers come out.',
    body: beside('one call'),
  },
  {
    title: 'Cold start',
    only: '^cold-start',
    text: 'Fresh processes: until the engine can work (`process`), what its own import takes of that (`import`), and from there to the loss of the first step of a 784-128-10 network (`first-step`).',
    body: starts,
  },
];
