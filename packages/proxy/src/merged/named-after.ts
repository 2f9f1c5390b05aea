import { type ScannedMessage, splitPrefixedUri } from '@mreg/mcp-wire'

/** What a request names, as the client knows it; undefined: nothing, or not where it could be seen at once. */
export const namedIn = ({ name, taskId, uri }: ScannedMessage): string | undefined => name ?? uri ?? taskId

/** Whether something that clients know by that name can be a server's of which nothing is known yet. */
export const isNamedAfter = (named: string, slug: string): boolean =>
  named.startsWith(`${slug}__`) || splitPrefixedUri(named)?.owner === slug
