export { HealthMonitor, type HealthMonitorOptions } from './health-monitor.ts'
export { HealthRecorder, type ProbedServer } from './health-recorder.ts'
export { serverStatus } from './server-status.ts'
export { WakeDetector, type WakeDetectorOptions } from './wake-detector.ts'
