import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

/** What the meter found since it was last asked. */
export interface LoopReport {
  /** How late timers came, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Processor time of the thread of the event loop, in milliseconds: the measure that a busy machine does not blur. */
  readonly loopCpuMs: number
  /** Of the whole process, all threads. */
  readonly cpuMs: number
  readonly rssMiB: number
}

// Loaded before the program by `--import`: measures the event loop of its main thread, from the first moment.
if (isMainThread && process.send !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  let cpu = process.cpuUsage()
  let loopCpu = process.threadCpuUsage()
  process.on('message', () => {
    const { user, system } = process.cpuUsage(cpu)
    const loop = process.threadCpuUsage(loopCpu)
    const report: LoopReport = {
      p50Ms: delays.percentile(50) / 1e6,
      p99Ms: delays.percentile(99) / 1e6,
      maxMs: delays.max / 1e6,
      loopCpuMs: (loop.user + loop.system) / 1000,
      cpuMs: (user + system) / 1000,
      rssMiB: process.memoryUsage.rss() / 1_048_576,
    }
    delays.reset()
    cpu = process.cpuUsage()
    loopCpu = process.threadCpuUsage()
    process.send?.(report)
  })
  // The channel alone must not keep the program alive.
  process.channel?.unref()
}
