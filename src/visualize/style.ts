/**
 * How a drawing looks. Blue and orange stay apart for every common kind of colour blindness, and the text is dark
 * enough (contrast above 7 to 1) to be read on either.
 */

/** The colours of one kind of node. */
export interface Paint {
  readonly fill: string;
  readonly line: string;
  readonly text: string;
}

/** The two halves of a graph: what computes the function, and what back-propagation added. */
export type Part = 'forward' | 'backward';

export const PAINT: Readonly<Record<Part, Paint>> = {
  forward: { fill: '#dcebfa', line: '#2f6fb0', text: '#12304f' },
  backward: { fill: '#ffe8cc', line: '#c2660a', text: '#4a2600' },
};

export const INK = '#1f2933';
export const MUTED = '#5a6672';
export const PAPER = '#ffffff';
/** A font whose widths Graphviz knows, so that text fits its box. */
export const FONT = 'Helvetica';
/** What a browser should use for it. */
export const FONT_FAMILY = 'Helvetica, Arial, &quot;Liberation Sans&quot;, sans-serif';

/** The same colour at half strength, for edges: `#rrggbb` with an alpha. */
export function soft(colour: string): string {
  return `${colour}b0`;
}
