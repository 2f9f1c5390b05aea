import type { Facts } from './facts.ts'

/** What a check has found. */
export interface Finding {
  /** `problem` keeps something from working; `warning` may; `skipped` could not be looked at. */
  readonly status: 'ok' | 'warning' | 'problem' | 'skipped'
  /** What was found, in a sentence. No secret in it. */
  readonly text: string
  /** What to do about it, one line each. */
  readonly mend?: readonly string[] | undefined
}

/** One of the faults that a first hour brings, and how it is seen. */
export interface Check {
  /** Stable, for scripts. */
  readonly name: string
  /** What is looked at, for people. */
  readonly title: string
  /** It looks at registered servers: without a gateway there is nothing to look at. */
  readonly needsServers?: boolean | undefined
  /** Never throws for what it looks at. */
  readonly run: (facts: Facts) => Promise<Finding[]>
}

export const ok = (text: string): Finding => ({ status: 'ok', text })
export const skipped = (text: string): Finding => ({ status: 'skipped', text })
export const warning = (text: string, ...mend: string[]): Finding => ({ status: 'warning', text, mend })
export const problem = (text: string, ...mend: string[]): Finding => ({ status: 'problem', text, mend })
