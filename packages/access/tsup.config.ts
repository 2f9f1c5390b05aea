import { library } from '@mreg/tooling/tsup'

export default library({ entry: ['src/index.ts', 'src/tokens.ts'] })
