// The public interface. What is not named here may change without notice.
export { LoadBalancer } from './load-balancer.ts'
export type { Ejection, LoadBalancerOptions, ReplicaOptions, ReplicaStats } from './load-balancer-options.ts'
export type { Choice } from './choice.ts'
export type { Clock } from './clock.ts'
export type { Lease, Outcome } from './lease.ts'
export type { Replica } from './replica.ts'

// Who is chosen
export { consistentHash, type ConsistentHashOptions } from './strategy/consistent-hash.ts'
export { leastConnections } from './strategy/least-connections.ts'
export { peakEwma, type PeakEwmaOptions } from './strategy/peak-ewma.ts'
export { random } from './strategy/random.ts'
export { roundRobin } from './strategy/round-robin.ts'
export { weighted } from './strategy/weighted.ts'
export type { Selector, Situation, Strategy } from './strategy/strategy.ts'

// Who is left out, and who begins small
export type { EjectionReason } from './outlier/outlier-judge.ts'
export type { OutlierOptions } from './outlier/outlier-options.ts'
export type { SlowStartOptions } from './slow-start.ts'
