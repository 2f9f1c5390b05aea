import type { Replica } from './replica.ts'

/** Whom a pick may choose, and for what. */
export interface Choice<Target> {
  /** Replicas that are not to be chosen: those that were tried already. Default none. */
  readonly exclude?: readonly Replica<Target>[] | undefined
  /**
   * Whether a replica may be chosen at all. It is asked of every candidate, before the strategy decides, so it should be
   * quick and change nothing. Default: every one may.
   */
  readonly eligible?: ((replica: Replica<Target>) => boolean) | undefined
  /** What the call belongs to, for `consistentHash`: a session, a user, a document. Others do not look at it. */
  readonly key?: string | undefined
  /** The time of the balancer's clock, when the caller has read it already. */
  readonly nowMs?: number | undefined
  /** Somebody only looks who would be chosen: no turn is taken, and the next pick is as if this one had not been. Default false. */
  readonly isPreview?: boolean | undefined
}
