/** Pieces of an expanded word, before it is split into fields. */
export interface Segment {
  readonly text: string
  readonly quoted: boolean
  /** Subject to splitting: came out of an unquoted expansion. */
  readonly split: boolean
  /** Ends a field: between the elements of "$@". */
  readonly end?: boolean
  /** The end of an element of `$*`: where fields are not split, IFS's first character joins. */
  readonly star?: boolean
}

export const fieldEnd: Segment = { text: '', quoted: false, split: false, end: true }
export const starEnd: Segment = { text: '', quoted: false, split: false, end: true, star: true }
