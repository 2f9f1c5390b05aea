import { app } from '@mreg/tooling/tsup'

export default app()
