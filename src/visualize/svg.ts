/** A graph as a picture, laid out by Graphviz. */
import { ancestors, ChainruleError } from '../graph/index.ts';
import { type DrawOptions, listResults, type Results, toDOT } from './dot.ts';
import { FONT, FONT_FAMILY } from './style.ts';

export interface PictureOptions extends DrawOptions {
  /** The most operations to lay out, because layout time grows faster than the graph. Default 1,500. */
  limit?: number;
}

/**
 * The graph that computes `outputs` as an SVG document; options as for {@link toDOT}.
 *
 * Graphviz (the package `@viz-js/viz`, compiled to WebAssembly) is loaded on the first call, so that those who
 * never draw need not have it.
 * @throws ChainruleError for a graph above `limit`, and where `@viz-js/viz` is not installed
 */
export async function toSVG(outputs: Results, options: PictureOptions = {}): Promise<string> {
  const { limit = 1500, ...drawing } = options;
  const drawn = [outputs, options.forward, options.backward].flatMap((results) => listResults(results));
  const size = ancestors(drawn.map(({ variable }) => variable)).applications.length;
  if (size > limit) {
    throw new ChainruleError(
      `toSVG: ${size} operations are too many for a readable picture (limit ${limit}); draw a smaller part, ` +
        'raise { limit }, or use toDOT with a Graphviz of your own',
    );
  }
  return renderDOT(toDOT(outputs, drawing), options.title ?? `a graph of ${size} operations`);
}

/** Renders DOT text to an SVG document that a screen reader calls `description`. */
async function renderDOT(dot: string, description: string): Promise<string> {
  const { instance } = await import('@viz-js/viz').catch((cause: unknown) => {
    throw new ChainruleError(
      `toSVG needs the package @viz-js/viz: npm install @viz-js/viz (${String(cause)})`,
    );
  });
  const svg = (await instance()).renderString(dot, { format: 'svg' });
  return svg
    .replace(/<!--[\s\S]*?-->\n?/g, '')
    .replace(/<title>[^<]*<\/title>\n?/g, '')
    .replaceAll(`font-family="${FONT}"`, `font-family="${FONT_FAMILY}"`)
    .replace('<svg ', `<svg role="img" aria-label="${escapeMarkup(description)}" `);
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
