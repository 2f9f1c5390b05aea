// Loaded into a gateway before anything else: with each SIGUSR2 both of its clocks are a minute ahead of where they were. Its
// timers are not: what was to happen meanwhile has not happened, as for a process that got no time.
const STEP_MS = 60_000

let aheadMs = 0
const RealDate = Date
const monotonic = performance.now.bind(performance)

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever calls it without `new` gets what `new` gives
globalThis.Date = class extends RealDate {
  constructor(...values: [] | [number]) {
    if (values.length === 0) super(RealDate.now() + aheadMs)
    else super(...values)
  }
  static override now(): number {
    return RealDate.now() + aheadMs
  }
} as DateConstructor
performance.now = () => monotonic() + aheadMs

process.on('SIGUSR2', () => {
  aheadMs += STEP_MS
  process.stdout.write(`the clock is ${aheadMs / STEP_MS} min ahead\n`)
})
