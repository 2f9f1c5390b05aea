import type { RelayResponse } from '@mreg/http-pool'
import { HEADER } from '@mreg/mcp-wire'

import { readPrefix } from './read-prefix.ts'
import { retryAfterMs } from './reply-headers.ts'
import type { UpstreamRefusedReply } from './upstream-reply.ts'

const LIMITS = { maxBytes: 65_536, timeoutMs: 1_000 }

/** What a response says whose status is no success. */
export const readRefusal = async ({
  status,
  headers,
  body,
}: RelayResponse): Promise<UpstreamRefusedReply> => ({
  kind: 'refused',
  status,
  contentType: headers.get('content-type'),
  body: await readPrefix(body, LIMITS),
  retryAfterMs: retryAfterMs(headers),
  wwwAuthenticate: headers.get('www-authenticate'),
  sessionId: headers.get(HEADER.sessionId),
})
