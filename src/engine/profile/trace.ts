/**
 * A run as a trace: the JSON object form of the Trace Event Format (Google, "Trace Event Format", 2016), which Perfetto
 * (ui.perfetto.dev) and chrome://tracing open. Complete events (ph "X") nest by their times.
 */
import type { KernelProfile } from './measure.ts';
import type { Event, Run } from './recorder.ts';

/** Process and thread of all events: there is one of each. */
const PLACE = { pid: 1, tid: 1 };

/** The trace of one run. Times are in microseconds, from the beginning of the run. */
export function traceOf({ events, total }: Run, kernels: readonly KernelProfile[]): string {
  const whole = withEnclosing(events, kernels);
  const zero = whole.length === 0 ? 0 : whole[0].begin;
  const microseconds = (milliseconds: number): number => Number((milliseconds * 1000).toFixed(3));
  const shown = whole.map(({ kernel, begin, end }) => {
    const { name, kind, detail, library, operations, locations, calls, flops, bytes } = kernels[kernel];
    const work = flops + bytes === 0 ? {} : { flops: flops / calls, bytes: bytes / calls };
    return {
      name,
      cat: kind,
      ph: 'X',
      ts: microseconds(begin - zero),
      dur: microseconds(end - begin),
      ...PLACE,
      args: { kernel, operations, lines: locations, extents: detail, library, ...work },
    };
  });
  const names = [
    { name: 'process_name', ph: 'M', ts: 0, ...PLACE, args: { name: 'chainrule' } },
    { name: 'thread_name', ph: 'M', ts: 0, ...PLACE, args: { name: 'kernels' } },
  ];
  return JSON.stringify({
    traceEvents: [...names, ...shown],
    displayTimeUnit: 'ns',
    otherData: { leftOut: total - events.length },
  });
}

/**
 * The events in order of their beginnings. A loop or branch is told of when it ends; it begins with the first kernel in it, and
 * ends, where its end was not kept, with the last.
 */
function withEnclosing(events: readonly Event[], kernels: readonly KernelProfile[]): Event[] {
  const begun = new Map<number, number>();
  const whole: Event[] = [];
  for (const { kernel, begin, end } of events) {
    for (let outer = kernels[kernel].inside; outer !== undefined; outer = kernels[outer].inside)
      if (!begun.has(outer)) begun.set(outer, begin);
    whole.push({ kernel, begin: begun.get(kernel) ?? begin, end });
    begun.delete(kernel);
  }
  const last = events.at(-1)?.end ?? 0;
  for (const [kernel, begin] of begun) whole.push({ kernel, begin, end: last });
  return whole.sort((a, b) => a.begin - b.begin || b.end - a.end);
}
