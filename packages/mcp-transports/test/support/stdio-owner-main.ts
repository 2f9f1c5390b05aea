import { ChildGuard } from '../../src/index.ts'
import { startedStdio } from './open-stdio.ts'

// A process that owns children and is killed by a test.
const guard = new ChildGuard()
await Promise.all([
  startedStdio({ grandchildren: ['plain', 'detached stubborn'] }, { guard }),
  startedStdio({ ignoreTerm: true }, { guard }),
  startedStdio({}, { guard }),
])
process.stdout.write('ready\n')
setInterval(() => {}, 1_000_000)
