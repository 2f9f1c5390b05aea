import { library } from '@mreg/tooling/tsup'

export default library({
  entry: {
    index: 'src/index.ts',
    pg: 'src/pg.ts',
    pglite: 'src/pglite.ts',
    // The start of a thread, which is looked for beside the bundle.
    'pglite-worker': 'src/pglite/thread/pglite-worker.ts',
  },
})
