import { checkModel } from '../model/check-model.ts'
import type { Check } from './check.ts'
import { checkClockGoingBack, checkWallClockJumps } from './clock-jumps.ts'
import { checkExecution } from './execution.ts'
import { checkInvariants } from './invariants.ts'
import { checkLiveness } from './liveness.ts'
import { checkObserve } from './observe.ts'
import { checkOpenPeriods } from './open-periods.ts'
import { checkRegistry } from './registry.ts'
import { checkRestart } from './restart.ts'
import { checkRelabelling, checkScaling } from './scaling.ts'
import { checkQuorum, checkSharing } from './sharing.ts'
import { checkWindows } from './windows.ts'

/** Every property, with how many inputs are tried in a test run. */
export const properties: readonly {
  readonly name: string
  readonly check: Check
  readonly numRuns: number
}[] = [
  {
    name: 'agrees with the reference after every step of any scenario',
    check: (library, parameters) => void checkModel(library, parameters),
    numRuns: 1500,
  },
  { name: 'keeps its invariants, whatever its listeners do', check: checkInvariants, numRuns: 500 },
  { name: 'holds in its windows exactly what is young enough', check: checkWindows, numRuns: 400 },
  { name: 'gives open periods within their bounds', check: checkOpenPeriods, numRuns: 2000 },
  { name: 'closes again from anywhere once the upstream is healthy', check: checkLiveness, numRuns: 400 },
  { name: 'goes through the same transitions when it only observes', check: checkObserve, numRuns: 300 },
  { name: 'goes on after a restart as if it had waited', check: checkRestart, numRuns: 400 },
  { name: 'takes no notice of the wall clock', check: checkWallClockJumps, numRuns: 200 },
  { name: 'is not held open by a clock that goes back', check: checkClockGoingBack, numRuns: 400 },
  { name: 'has no duration of its own', check: checkScaling, numRuns: 200 },
  { name: 'does not tell one call of an instant from another', check: checkRelabelling, numRuns: 300 },
  { name: 'comes to agree with its replicas', check: checkSharing, numRuns: 500 },
  { name: 'lets no single process open what works here', check: checkQuorum, numRuns: 100 },
  { name: 'runs work once and gives back its very result', check: checkExecution, numRuns: 400 },
  { name: 'holds and lets go of keys in the order of use', check: checkRegistry, numRuns: 500 },
]
