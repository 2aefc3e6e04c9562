/** The ground floor: the language of graphs. */
export * from './attributes.ts';
export * from './computation.ts';
export * from './dtype.ts';
export * from './errors.ts';
export * from './gradient.ts';
export * from './leaves.ts';
export * from './printing.ts';
export * from './shape.ts';
export * from './shapeTypes.ts';
export * from './site.ts';
export * from './tensor.ts';
export * from './traversal.ts';
export * from './tree.ts';
export * from './validate.ts';
export * from './variable.ts';
