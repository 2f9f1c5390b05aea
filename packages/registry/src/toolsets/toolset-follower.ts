import { ToolsetDirectory, type ToolsetRecord } from '@mreg/repositories'

import { type ChangeFollower, recordFollower } from '../change-follower.ts'

/** A toolset as the gateway serves it. */
export type RegisteredToolset = ToolsetRecord

/** Which toolsets are others now. */
export interface ToolsetChange {
  /** Of those that are new, changed or gone; undefined: of all. */
  readonly ids: readonly string[] | undefined
  /** Those of them that there are, whole. */
  readonly toolsets: readonly RegisteredToolset[]
}

/** Follows the toolsets of all tenants: tells what there is, then each change. */
export const toolsetFollower = (tell: (change: ToolsetChange) => void): ChangeFollower =>
  recordFollower<RegisteredToolset>({
    kinds: 'toolset_',
    all: (session) => new ToolsetDirectory(session).all(),
    byIds: (session, ids) => new ToolsetDirectory(session).byIds(ids),
    tell: (ids, toolsets) => tell({ ids, toolsets }),
  })
