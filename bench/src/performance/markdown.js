/** Tables of Markdown. */

/**
 * Columns of numbers stand on the right.
 * @param {string[]} head
 * @param {(string | number | null | undefined)[][]} rows where there is nothing to say, the cell is empty
 */
export function table(head, rows) {
  const line = (cells) => `| ${cells.map((each) => each ?? '').join(' | ')} |`;
  const isNumeric = (column) => rows.every((cells) => /^\d|^$/.test(cells[column] ?? ''));
  const rule = head.map((_, column) => (isNumeric(column) ? '---:' : '---'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** Three digits that count: `0.0123`, `1.23`, `123`, `1,230`. */
export function digits(number) {
  if (number === undefined || number === null) return undefined;
  if (Math.abs(number) >= 1000) return Math.round(number).toLocaleString('en-US');
  const text = number.toPrecision(3);
  return text.includes('e') ? number.toFixed(0) : text;
}

/** A time in the unit that suits it. */
export function duration(us) {
  if (us === undefined || us === null) return undefined;
  if (us < 1000) return `${digits(us)} us`;
  return us < 1e6 ? `${digits(us / 1e3)} ms` : `${digits(us / 1e6)} s`;
}
