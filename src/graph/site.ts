/**
 * Where in the user's program an expression was written.
 *
 * Capturing keeps the raw stack and formats it only if an error or a printer asks, so that building a graph of
 * 100,000 operations stays cheap. Nodes that a derivative rule makes inherit the site of the operation they
 * differentiate: the user never wrote a line for them.
 */

import { ChainruleError } from './errors.ts';

/** A place in the user's source; `toString()` gives `train.ts:12`, `location()` the full path, line and column. */
export interface Site {
  location(): string | undefined;
  toString(): string;
  /**
   * What has been made in the place of an operation says so: `softmax` for what softmax is composed of, `softmax'` for what its
   * derivative rule has made. Absent for what the user's line itself has made.
   */
  readonly maker?: string;
}

/** Frames kept: deep enough to leave this library's own frames behind. */
const FRAMES = 24;

/** This library's own folder, `src` or `dist`: frames below it are not the user's. Source maps of `dist` name files in it. */
const HOME = new URL('..', import.meta.url).href;
const HOMES = [HOME, HOME.replace(/^file:\/\//, '')];

class StackSite implements Site {
  private readonly holder: { stack?: string } = {};
  private found: string | undefined;
  private parsed = false;

  constructor() {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES;
    Error.captureStackTrace?.(this.holder, captureSite);
    Error.stackTraceLimit = limit;
  }

  location(): string | undefined {
    if (!this.parsed) {
      this.parsed = true;
      this.found = userFrame(this.holder.stack ?? '');
      this.holder.stack = undefined;
    }
    return this.found;
  }

  toString(): string {
    const location = this.location();
    if (location === undefined) return '';
    const match = /([^/\\]+?):(\d+)(?::\d+)?$/.exec(location);
    return match === null ? location : `${match[1]}:${match[2]}`;
  }
}

/** A user's line, for what an operation that stands there makes in its own place. */
class PartSite implements Site {
  readonly maker: string;
  private readonly site: Site;

  constructor(site: Site, maker: string) {
    this.site = site;
    this.maker = maker;
  }

  location(): string | undefined {
    return this.site.location();
  }

  toString(): string {
    return this.site.toString();
  }
}

/** The first frame outside this library, as `file:///home/me/train.ts:12:7`. */
function userFrame(stack: string): string | undefined {
  for (const line of stack.split('\n')) {
    const match = /(?:\(|at (?:async )?)((?:file:\/\/|[a-z-]+:\/\/|\/|[A-Za-z]:[\\/]).*?:\d+:\d+)\)?$/.exec(
      line.trim(),
    );
    if (match === null) continue;
    const location = match[1];
    if (location.startsWith('node:') || HOMES.some((home) => location.startsWith(home))) continue;
    return location;
  }
  return undefined;
}

let inherited: Site | undefined;

/** The current place: the user's line, or the site inherited from the operation being differentiated. */
export function captureSite(): Site {
  return inherited ?? new StackSite();
}

/** Runs `body`; whatever it builds inherits `site`. */
export function withSite<T>(site: Site, body: () => T): T {
  const outer = inherited;
  inherited = site;
  try {
    return body();
  } finally {
    inherited = outer;
  }
}

/** Runs the derivative rule of an operation that stands at `site`; what it builds inherits that place. */
export function withRule<T>(site: Site, operation: string, body: () => T): T {
  return withSite(new PartSite(site, `${site.maker ?? operation}'`), body);
}

/** Builds an operation that stands at `site` out of others, which inherit that place. */
export function withParts<T>(site: Site, operation: string, body: () => T): T {
  return withSite(site.maker === undefined ? new PartSite(site, operation) : site, body);
}

/** ` at train.ts:12`, or nothing where the line is unknown: for the end of an error message. */
export function at(site: Site = captureSite()): string {
  const text = site.toString();
  return text === '' ? '' : ` at ${text}`;
}

/** Runs `body`; an error that only the numbers could show gets the line of the operation that met it. */
export function withLine<T>(line: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof ChainruleError && line !== '') error.message += ` at ${line}`;
    throw error;
  }
}
