import { library } from '@mreg/tooling/tsup'

export default library({ entry: ['src/index.ts', 'src/pg.ts', 'src/pglite.ts'] })
