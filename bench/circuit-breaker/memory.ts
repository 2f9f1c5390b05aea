import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Memory {
  /** Bytes per breaker. */
  readonly heap: number
  readonly offHeap: number
  /** Share of a core that 100 000 idle breakers take. */
  readonly idleShare: number
}

const script = fileURLToPath(new URL('memory-of.ts', import.meta.url))
const run = (kind: string): string =>
  execFileSync(process.execPath, ['--expose-gc', ...process.execArgv, script, kind], { encoding: 'utf8' })

/** What 100 000 breakers weigh, each kind in a process of its own. */
export function measureMemory(): Map<string, Memory> {
  const kinds: string[] = JSON.parse(run('--list'))
  return new Map(kinds.map((kind): [string, Memory] => [kind, JSON.parse(run(kind))]))
}
