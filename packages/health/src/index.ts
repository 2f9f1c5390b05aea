export { HealthBoard, type HealthBoardOptions } from './health-board.ts'
export { HealthMonitor, type HealthMonitorOptions } from './health-monitor.ts'
export { HealthRecorder, type KeptProbe, type ProbedServer } from './health-recorder.ts'
export { HealthStates, type StateChanges, type StatusLearner } from './health-states.ts'
export { HistoryPruner, type HistoryPrunerOptions } from './history-pruner.ts'
export { LiveEvidence, type LiveEvidenceOptions } from './live-evidence.ts'
export { serverStatus } from './server-status.ts'
export { WakeDetector, type WakeDetectorOptions } from './wake-detector.ts'

// Which endpoints are due
export { LeasedSchedule, type LeasedScheduleOptions } from './schedule/leased-schedule.ts'
export { LocalSchedule, type LocalScheduleOptions } from './schedule/local-schedule.ts'
export type { ProbeSchedule, ProbeTurn, ProbeTurns } from './schedule/probe-schedule.ts'
