/** How training shows itself: a bar where a person watches, one plain line an epoch everywhere. */
import { type Options, Presets, SingleBar } from 'cli-progress';
import { seconds } from './format.ts';
import { type IO, printLine } from './io.ts';
import type { Epoch, Observer } from './training.ts';

/** An observer that must be closed, also where training fails, to give the terminal back. */
export function createObserver(io: IO, epochs: number): Observer & { close(): void } {
  let bar: SingleBar | undefined;
  const width = String(epochs).length;
  return {
    start(epoch, steps) {
      if (io.stderr.isTTY !== true) return;
      const options: Options = {
        stream: io.stderr as unknown as NodeJS.WritableStream,
        format: `epoch ${String(epoch).padStart(width)}/${epochs}  {bar} {percentage}%  loss {loss}`,
        clearOnComplete: true,
        hideCursor: true,
        barsize: 30,
        fps: 20,
      };
      bar = new SingleBar(options, Presets.shades_classic);
      bar.start(steps, 0, { loss: '' });
    },
    step(loss) {
      bar?.increment(1, { loss: loss.toFixed(4) });
    },
    end(epoch) {
      bar?.stop();
      printLine(io, epochLine(epoch, epochs));
    },
    close() {
      bar?.stop();
    },
  };
}

/** `epoch  3/10  loss 0.1234  held-out loss 0.1402  held-out accuracy 0.9585  (1.2 s)`. */
function epochLine({ epoch, loss, testLoss, testAccuracy, seconds: took }: Epoch, epochs: number): string {
  return [
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`,
    `loss ${loss.toFixed(4)}`,
    `held-out loss ${testLoss.toFixed(4)}`,
    `held-out accuracy ${testAccuracy.toFixed(4)}`,
    `(${seconds(took)})`,
  ].join('  ');
}
