/** `tiny` keeps a test fast; its figures mean nothing. */
export type Size = 'tiny' | 'quick' | 'full';

export interface RowOptions {
  readonly size: Size;
  /** In place of the size's own numbers, where a row has such. */
  readonly identities: number | undefined;
  readonly updates: number | undefined;
  readonly rounds: number | undefined;
  /** Says how far the row is. */
  readonly tell: (message: string) => void;
}

/** What a figure is held to. */
export type Aim = { readonly least: number } | { readonly most: number };

/** CPU microseconds of each side for one of what is measured; a busy machine distorts it less. */
export interface CpuComparison {
  readonly ours: number;
  readonly theirs: number;
  /** Which process spends how much of ours. */
  readonly parts: string;
}

/** One line of the table. */
export interface Finding {
  /** What is measured, sizes included. */
  readonly what: string;
  readonly against: string;
  readonly ours: string;
  readonly theirs: string;
  /** What is held to the aim; undefined where there is nothing to measure yet. */
  readonly figure: number | undefined;
  readonly aim: Aim;
  /** Of the figure; a ratio has none. */
  readonly unit?: string;
  readonly cpu?: CpuComparison;
}

export interface Row {
  readonly name: string;
  /** Which of the tables it belongs to. */
  readonly table: 'aims' | 'quotas';
  run(options: RowOptions): Promise<readonly Finding[]>;
}
