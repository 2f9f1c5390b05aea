import type { BalancingStrategy, ServerStatus, TransportKind } from '@mreg/core'
import type { Era } from '@mreg/mcp-wire'
import type { DefinitionKind } from '@mreg/registry'
import type { Fitness } from '@mreg/upstream'

/** What is looked at on the way of a call, in this order. */
export const EXPLAINED_CHECKS = [
  'caller',
  'path',
  'name',
  'server',
  'catalog',
  'changes',
  'access',
  'toolset',
  'protocol',
  'endpoint',
] as const

/** One of them. */
export type ExplainedCheck = (typeof EXPLAINED_CHECKS)[number]

/** What one look has shown. */
export interface ExplainedStep {
  readonly check: ExplainedCheck
  /** `no`: because of this the caller does not see it, or cannot use it; `warning`: somebody should know. */
  readonly outcome: 'ok' | 'warning' | 'no'
  /** Stable. */
  readonly code: string
  /** A sentence for a person. */
  readonly text: string
  /** What it rests on, for machines; undefined: nothing more. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

/** Why an endpoint of a server would get a call, or not. */
export interface ExplainedEndpoint {
  readonly id: string
  readonly transport: TransportKind
  /** Its URL, or its command. */
  readonly address: string | undefined
  readonly isChosen: boolean
  /** Stable: why it is chosen or not. */
  readonly code: string
  /** The same for a person. */
  readonly text: string
  /** undefined: this gateway cannot use it at all. */
  readonly standing:
    | {
        readonly fitness: Fitness
        readonly circuit: string
        readonly retryAfterMs: number
        readonly paceMs: number
        /** What a probe found last; undefined: nothing that is worth anything still. */
        readonly status: ServerStatus | undefined
        /** In which era it is spoken to, by the era of the client; undefined: it would be asked first. */
        readonly eras: {
          readonly legacy: Era | undefined
          readonly modern: Era | undefined
          readonly ageMs: number | undefined
        }
      }
    | undefined
  /** How it stands with its balancer; undefined: it is the only one. */
  readonly balancing?:
    | {
        readonly state: string
        readonly weight: number
        readonly effectiveWeight: number
        readonly inFlight: number
      }
    | undefined
}

/** Why a caller sees something or does not, and where a call of it would go. */
export interface Explanation {
  readonly caller: {
    readonly id: string
    /** For a person. */
    readonly title: string
    readonly role: string
  }
  /** Where the caller comes in, such as `/mcp/sets/writers`. */
  readonly path: string
  /** What was asked about. */
  readonly name: string
  /** What that is; undefined: nobody knows. */
  readonly capability:
    | {
        readonly kind: DefinitionKind
        readonly server: string
        /** What the server calls it. */
        readonly name: string
        /** What the caller calls it there; undefined: it has no name for the caller. */
        readonly shownAs: string | undefined
      }
    | undefined
  /** Whether it is in the lists that the caller is given. */
  readonly isShown: boolean
  /** Whether a call would be sent to an endpoint. */
  readonly isCallable: boolean
  /** The code of the first look that says no; undefined: none does. */
  readonly reason: string | undefined
  /** All of it in a sentence. */
  readonly summary: string
  readonly steps: ExplainedStep[]
  readonly strategy: BalancingStrategy | undefined
  readonly endpoints: ExplainedEndpoint[]
}

/** The steps of an explanation that is being made. */
export class Steps {
  readonly #steps: ExplainedStep[] = []

  get all(): ExplainedStep[] {
    return this.#steps
  }

  /** The first that says no; undefined: none does. */
  get refusing(): ExplainedStep | undefined {
    return this.#steps.find(({ outcome }) => outcome === 'no')
  }

  add(
    check: ExplainedCheck,
    outcome: ExplainedStep['outcome'],
    code: string,
    text: string,
    details?: Readonly<Record<string, unknown>>,
  ): void {
    this.#steps.push({ check, outcome, code, text, details })
  }
}
