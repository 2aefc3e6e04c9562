/** What became of one property of an operation. */

export interface Finding {
  readonly verdict: 'ok' | 'not applicable' | 'failed';
  /** Why it does not apply, or what is wrong. */
  readonly because?: string;
  /** The largest relative error, where there is one. */
  readonly error?: number;
  /** What else was found. */
  readonly detail?: string;
}

export const ok = (rest: Pick<Finding, 'error' | 'detail'> = {}): Finding => ({ verdict: 'ok', ...rest });
export const failed = (because: string, error?: number): Finding => ({ verdict: 'failed', because, error });
export const notApplicable = (because: string): Finding => ({ verdict: 'not applicable', because });

/** `failed` with the reason, if there is one. */
export const unless = (because: string | undefined): Finding =>
  because === undefined ? ok() : failed(because);
