import type { BalancingSettings } from '@mreg/core'
import {
  consistentHash,
  type Choice,
  type Lease,
  LoadBalancer,
  type Replica,
  type ReplicaStats,
} from '@mreg/load-balancing'
import { type EndpointTarget, RetryBudget } from '@mreg/upstream'

import { RepeatableTools } from './repeatable-tools.ts'
import { slowStartOf, strategyOf } from './strategy-of.ts'

/** One endpoint of a server, as its balancer knows it. */
export type ReplicaOf = Replica<EndpointTarget>

/** Requests that are sent again, as a share of all. */
const RETRY_RATIO = 0.2
/** Those of a second that are allowed however few requests there are. */
const RETRY_FLOOR = 3

/** All endpoints of one server, with what is known of each for as long as the server is registered. */
export class Replicas {
  #targets: readonly EndpointTarget[] = []
  #settings: BalancingSettings = {}
  #balancer: LoadBalancer<EndpointTarget> | undefined
  #byKey: LoadBalancer<EndpointTarget> | undefined
  #budget: RetryBudget | undefined
  #tools: RepeatableTools | undefined

  /** Takes over which endpoints there are. Those that are gone get no new calls; what is under way there ends by itself. */
  update(targets: readonly EndpointTarget[], settings: BalancingSettings = {}): void {
    this.#targets = targets
    const isSame =
      settings.strategy === this.#settings.strategy && settings.slowStartMs === this.#settings.slowStartMs
    this.#settings = settings
    if (!isSame) this.#balancer = undefined
    if (targets.length <= 1) {
      this.#balancer = undefined
      this.#byKey = undefined
      return
    }
    this.#balancer ??= new LoadBalancer({ strategy: strategyOf(settings), slowStart: slowStartOf(settings) })
    const replicas = targets.map((target) => ({
      id: target.endpoint.id,
      target,
      weight: target.endpoint.weight,
    }))
    this.#balancer.update(replicas)
    this.#byKey?.update(replicas)
  }

  /** The only endpoint; undefined when there are several, or none. */
  get only(): EndpointTarget | undefined {
    return this.#balancer === undefined ? this.#targets[0] : undefined
  }

  /** All of them, where there are several. */
  get all(): readonly ReplicaOf[] {
    return this.#balancer?.replicas ?? []
  }

  /** The endpoint of that id, where there are several. */
  get(endpointId: string): ReplicaOf | undefined {
    return this.#balancer?.get(endpointId)
  }

  /** The one that the server's strategy chooses; undefined when none may be. */
  pick(choice: Choice<EndpointTarget>): ReplicaOf | undefined {
    return this.#balancer?.pick(this.#balancer.replicas, choice)
  }

  /** Always the same one for a `key`, in every process, as long as it may be chosen. */
  pickByKey(choice: Choice<EndpointTarget>): ReplicaOf | undefined {
    if (this.#balancer === undefined) return undefined
    if (this.#byKey === undefined) {
      this.#byKey = new LoadBalancer({ strategy: consistentHash() })
      this.#byKey.update(this.#balancer.replicas.map(({ id, target, weight }) => ({ id, target, weight })))
    }
    const chosen = this.#byKey.pick(this.#byKey.replicas, {
      ...choice,
      exclude: choice.exclude?.flatMap(({ id }) => this.#byKey?.get(id) ?? []),
    })
    return chosen && this.#balancer.get(chosen.id)
  }

  /** A call to one of several begins. */
  begin(replica: ReplicaOf): Lease<EndpointTarget> | undefined {
    return this.#balancer?.begin(replica)
  }

  /** An endpoint works again: it begins small. */
  warmUp(endpointId: string): void {
    this.#balancer?.warmUp(endpointId)
  }

  /** How each of several stands; empty where there is only one. */
  stats(): readonly ReplicaStats[] {
    return this.#balancer?.stats() ?? []
  }

  /** How many requests may be sent again. */
  get budget(): RetryBudget {
    this.#budget ??= new RetryBudget(RETRY_RATIO, RETRY_FLOOR, () => performance.now())
    return this.#budget
  }

  /** Tools whose calls may be sent again, by the server's own word. */
  get tools(): RepeatableTools {
    this.#tools ??= new RepeatableTools()
    return this.#tools
  }
}
