/** Two ways to tell the results: a table for people, JSON lines for programs. */
import { backend } from './engines/chainrule.js';

const ours = 'chainrule';

/** The best of each peer's variants (PyTorch runs once per number of threads). */
function bestOfEach(results) {
  const best = new Map();
  for (const result of results) {
    const { name } = result.engine;
    if (!best.has(name) || result.seconds < best.get(name).seconds) best.set(name, result);
  }
  return [...best.values()];
}

const micro = (seconds) => Number((seconds * 1e6).toPrecision(5));

/** The line of a time that has no peer. */
const alone = (name, seconds) => ({
  case: name,
  engine: backend,
  peer: null,
  ours_us: seconds === null ? null : micro(seconds),
  peer_us: null,
  ratio: null,
});

export function jsonReport() {
  const print = (fields) => console.log(JSON.stringify(fields));
  return {
    comparison({ name }, results) {
      const our = results.find(({ engine }) => engine.name === ours);
      for (const { engine, seconds } of bestOfEach(results)) {
        if (engine.name === ours) continue;
        print({
          case: name,
          engine: backend,
          peer: engine.name,
          ours_us: micro(our.seconds),
          peer_us: micro(seconds),
          ratio: Number((our.seconds / seconds).toPrecision(4)),
          ours_version: our.engine.label,
          peer_version: engine.label,
        });
      }
    },
    derivative({ name }, { ours: own, peer, theirs }) {
      print({
        case: name,
        engine: backend,
        peer: `${ours}: ${peer}`,
        ours_us: micro(own),
        peer_us: micro(theirs),
        ratio: Number((own / theirs).toPrecision(4)),
      });
    },
    build({ name }, phases) {
      for (const [phase, seconds] of Object.entries(phases)) print(alone(`${name}-${phase}`, seconds));
    },
    compile({ name }, { seconds, exponent }) {
      for (const [part, each] of seconds) print(alone(part === '' ? name : `${name}-${part}`, each));
      if (exponent !== undefined) print({ ...alone(name, null), exponent: Number(exponent.toPrecision(4)) });
    },
  };
}

export function tableReport(engines) {
  const width = Math.max(0, ...engines.map(({ label }) => label.length));
  return {
    comparison(testCase, results) {
      console.log(`\n${testCase.name}`);
      const our = results.find(({ engine }) => engine.name === ours);
      for (const { engine, seconds } of results) {
        const speed =
          testCase.kind === 'matmul'
            ? `${((2 * testCase.size ** 3) / seconds / 1e9).toFixed(1).padStart(8)} GFLOP/s`
            : '';
        const ratio = engine.name === ours ? '' : `   ours/peer ${(our.seconds / seconds).toPrecision(3)}`;
        console.log(`  ${engine.label.padEnd(width)} ${duration(seconds)}${speed}${ratio}`);
      }
    },
    derivative({ name, kind }, { ours: own, peer, theirs }) {
      const what = kind === 'jacobian' ? 'auto' : 'value and gradient';
      console.log(`\n${name}`);
      console.log(`  ${`${ours}: ${what}`.padEnd(width)} ${duration(own)}`);
      console.log(
        `  ${`${ours}: ${peer}`.padEnd(width)} ${duration(theirs)}   ratio ${(own / theirs).toPrecision(3)}`,
      );
    },
    build({ name }, phases) {
      console.log(`\n${name}`);
      for (const [phase, seconds] of Object.entries(phases)) {
        console.log(`  ${`${ours}: ${phase}`.padEnd(width)} ${seconds.toFixed(4).padStart(12)} s`);
      }
    },
    compile({ name }, { seconds, exponent }) {
      console.log(`\n${name}`);
      for (const [part, each] of seconds) {
        const what = part === '' ? 'first call' : exponent === undefined ? part : `${part} layers`;
        console.log(`  ${`${ours}: ${what}`.padEnd(width)} ${(each * 1e3).toFixed(2).padStart(12)} ms`);
      }
      if (exponent !== undefined) console.log(`  exponent of the depth: ${exponent.toFixed(3)}`);
    },
  };
}

const duration = (seconds) => `${(seconds * 1e6).toFixed(1).padStart(12)} us`;
