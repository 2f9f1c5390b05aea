import type { Fitness } from '@mreg/upstream'

import type { ReplicaOf, Replicas } from './replicas.ts'

/** For whom one of several endpoints is chosen, and how it stands with each. */
export interface FirstReplicaOptions {
  /** Whose request it is: for strategies that keep what belongs together in one place. */
  readonly key: string
  /** The endpoint that it belongs to. undefined: none in particular. */
  readonly home?: string | undefined
  readonly fitnessOf: (replica: ReplicaOf) => Fitness
  /** Until an endpoint whose circuit is open lets a call try, in milliseconds. */
  readonly retryAfterMsOf: (replica: ReplicaOf) => number
  /** Whether somebody only looks who would get it: no turn is taken. Default false. */
  readonly isPreview?: boolean | undefined
}

/** Those that let a call pass, well or not. */
export const USABLE: ReadonlySet<Fitness> = new Set(['good', 'recovering', 'paced', 'unfit'])
/** What belongs to one endpoint stays there as long as that may answer. */
export const KEEPS_ITS_OWN: ReadonlySet<Fitness> = new Set(['good', 'recovering', 'paced'])

/**
 * Which of several endpoints gets a request first: the one it belongs to if that is of use, else a good one, else any that may
 * answer, else the one that may do so first. undefined: there are none.
 */
export const firstReplica = (
  replicas: Replicas,
  { fitnessOf, home, isPreview, key, retryAfterMsOf }: FirstReplicaOptions,
): ReplicaOf | undefined => {
  const own = home === undefined ? undefined : replicas.get(home)
  if (own !== undefined && KEEPS_ITS_OWN.has(fitnessOf(own))) return own
  const good = replicas.pick({ key, isPreview, eligible: (replica) => fitnessOf(replica) === 'good' })
  if (good !== undefined) return good
  const isUsable = (replica: ReplicaOf): boolean => USABLE.has(fitnessOf(replica))
  if (own !== undefined && isUsable(own)) return own
  const usable = replicas.pick({ key, isPreview, eligible: isUsable })
  if (usable !== undefined) return usable
  const [first, ...others] = replicas.all
  return others.reduce(
    (best, each) => (best !== undefined && retryAfterMsOf(each) < retryAfterMsOf(best) ? each : best),
    first,
  )
}

/**
 * Where all requests with a key go together, as long as they can: to a server of the older era, that of a principal. undefined: none
 * of them is well.
 */
export const sameReplica = (
  replicas: Replicas,
  {
    exclude,
    isGood,
    key,
  }: {
    readonly key: string
    readonly exclude?: readonly ReplicaOf[] | undefined
    readonly isGood: (replica: ReplicaOf) => boolean
  },
): ReplicaOf | undefined => replicas.pickByKey({ key, exclude, eligible: isGood })
