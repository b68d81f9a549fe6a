/** The reference: what a candidate looks up during the exam, in our own words, one page per task. */
export interface ReferencePage {
  readonly id: string
  readonly title: string
  readonly about: string
  readonly text: string
}
export const pages: readonly ReferencePage[] = []
