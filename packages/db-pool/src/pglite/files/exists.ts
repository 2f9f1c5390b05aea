import { access } from 'node:fs/promises'

/** Whether there is something at a path. */
export const exists = async (path: string): Promise<boolean> =>
  await access(path).then(
    () => true,
    () => false,
  )
