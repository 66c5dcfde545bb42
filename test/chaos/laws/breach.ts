export type Law =
  | 'delivered'
  | 'distinct'
  | 'stuck'
  | 'order'
  | 'forbidden'
  | 'paused'
  | 'entered'
  | 'written first'
  | 'holder'
  | 'over'
  | 'one claim'
  | 'early'
  | 'progress'
  | 'given up'
  | 'drained'
  | 'crash';

export interface Breach {
  readonly law: Law;
  readonly what: string;
}

/** Milliseconds by which two readings of one machine's clock may differ once each is rounded. */
export const rounding = 5;

export function breach(law: Law, what: string): Breach {
  return { law, what };
}
