/** The reference: what a candidate looks up during the exam, in our own words, one page per task with a manifest to copy. */
import { clusterPages } from './cluster-pages.ts'
import { networkPages } from './network-pages.ts'
import { nodePages } from './node-pages.ts'

export interface ReferencePage {
  readonly id: string
  readonly title: string
  /** One line. */
  readonly about: string
  /** Markdown. */
  readonly text: string
}

export const pages: readonly ReferencePage[] = [...networkPages, ...clusterPages, ...nodePages]
