/** Pictures of graphs. */
export { type DrawOptions, type Results, toDOT } from './dot.ts';
export { type PictureOptions, toSVG } from './svg.ts';
