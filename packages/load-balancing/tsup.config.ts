import { library } from '@mreg/tooling/tsup'

export default library()
