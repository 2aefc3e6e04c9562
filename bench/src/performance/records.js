/** Questions to saved results. */

/** The records, grouped by a field or a function of them, in their order. */
export function groupBy(records, keyOf) {
  const groups = new Map();
  for (const each of records) {
    const key = keyOf(each);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()];
}

/**
 * What was measured of one variant of chainrule in one case.
 * @param {import('../report/records.js').Record[]} records of the case and the variant
 */
export function row(records) {
  const [first] = records;
  const { case: name, variant, threads, ours_us } = first;
  return {
    name,
    variant,
    threads,
    us: ours_us,
    /** Operations or bytes, in 10^9 a second. */
    speed: (work) => first[work] && first[work] / ours_us / 1e3,
    /** The record beside a peer. */
    beside: (peer) => records.find((each) => each.peer === peer),
    /** The ratio to a peer. */
    to: (peer) => records.find((each) => each.peer === peer)?.ratio,
  };
}

/** Rows by case and variant, with the first of each case marked. */
export function rowsOf(records) {
  return groupBy(records, (each) => each.case).flatMap((ofCase) =>
    groupBy(ofCase, (each) => each.variant).map((ofVariant, i) => ({ ...row(ofVariant), isFirst: i === 0 })),
  );
}
