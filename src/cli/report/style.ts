/** How the report looks: one column, in light and dark, with the blue and orange of the graph drawings. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f7f8fa; --card: #ffffff; --ink: #1b2430; --muted: #57636f; --line: #dfe4ea; --grid: #e8ecf1;
  --blue: #2363a5; --blue-soft: #9dbfe3; --orange: #b85c00; --right: #1f6f4a; --heat: 35 99 165;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --card: #1a2029; --ink: #e6eaf0; --muted: #9fabb8; --line: #2c3541; --grid: #262e39;
    --blue: #79b4f2; --blue-soft: #38587c; --orange: #f5a450; --right: #6fcf9f; --heat: 90 160 235;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1040px; margin: 0 auto; padding: 40px 24px 56px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.02em; }
h2 { font-size: 1.1rem; margin: 0 0 4px; }
h3 { font-size: 0.95rem; margin: 20px 0 8px; }
p { margin: 0 0 12px; }
.muted { color: var(--muted); }
.small { font-size: 0.875rem; }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; margin-top: 20px;
}
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 14px; margin: 26px 0 0; }
.numbers div {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 18px;
  display: flex; flex-direction: column;
}
.numbers dt { color: var(--muted); font-size: 0.85rem; }
.numbers dd { margin: 0; font-size: 1.65rem; font-weight: 650; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.numbers .first dd { color: var(--blue); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(400px, 1fr)); gap: 20px; }
.pair section { min-width: 0; }
.chart { margin-top: 10px; min-height: 300px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); font-size: 0.875rem; padding-bottom: 8px; }
th, td { padding: 5px 10px; text-align: right; }
.list { width: 100%; font-size: 0.9rem; }
.list th { color: var(--muted); font-weight: 550; border-bottom: 1px solid var(--line); }
.list td { border-bottom: 1px solid var(--grid); }
.list .text { text-align: left; }
.scroll { overflow-x: auto; }
.confusion { border-collapse: separate; border-spacing: 2px; font-size: 0.875rem; }
.confusion th { font-weight: 550; color: var(--muted); }
.confusion thead th { text-align: center; }
.confusion td {
  min-width: 54px; text-align: center; border-radius: 5px; padding: 7px 4px;
  background: rgb(var(--heat) / var(--share, 0));
}
.confusion td.none { color: var(--muted); opacity: 0.7; }
.confusion td.strong { color: #ffffff; }
.confusion td.right { outline: 1.5px solid rgb(var(--heat) / 0.55); outline-offset: -1.5px; }
@media (prefers-color-scheme: dark) { .confusion td.strong { color: #0b1118; } }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); gap: 10px; padding: 0; margin: 0; list-style: none; }
.examples li { border: 1px solid var(--line); border-radius: 8px; padding: 6px; text-align: center; font-size: 0.8rem; }
.examples img { width: 100%; max-width: 84px; height: auto; image-rendering: pixelated; display: block; margin: 0 auto 4px; border-radius: 4px; }
@media (prefers-color-scheme: dark) { .examples img { filter: invert(1); mix-blend-mode: screen; } }
.examples b { font-size: 1rem; }
.wrong { color: var(--orange); }
.correct { color: var(--right); }
.settings { display: grid; grid-template-columns: max-content 1fr; gap: 5px 22px; margin: 8px 0 0; font-size: 0.92rem; }
.settings dt { color: var(--muted); }
.settings dd { margin: 0; overflow-wrap: anywhere; }
pre {
  margin: 10px 0 0; padding: 14px 16px; background: var(--paper); border: 1px solid var(--line); border-radius: 8px;
  overflow-x: auto; font: 0.85rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: normal;
}
pre span { white-space: nowrap; }
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--muted); font-size: 0.9rem; }
summary:focus-visible { outline: 2px solid var(--blue); outline-offset: 3px; border-radius: 4px; }
.graph { background: #ffffff; border: 1px solid var(--line); border-radius: 8px; margin-top: 10px; overflow: auto; }
.graph svg { display: block; margin: 0 auto; max-width: 100%; height: auto; }
footer { margin-top: 28px; color: var(--muted); font-size: 0.85rem; }
.u-legend { font-size: 0.8rem; color: var(--muted); }
.u-legend th { font-weight: 450; }
@media (max-width: 520px) { main { padding: 24px 14px; } .pair { grid-template-columns: 1fr; } }
@media print { section { break-inside: avoid; } body { background: none; } }
`;
