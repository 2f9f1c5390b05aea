import type { Notice } from './cache.ts'

export type Handler = (notice: Notice) => void

/** What carries messages. Nothing here rejects. */
export interface MessageBus {
  publish(channel: string, message: string): Promise<boolean>
  subscribe(channel: string, handler: Handler): Promise<AsyncDisposable>
}

/** Where a failure comes from that nobody waits for. */
export type BackgroundErrorSource = 'handler' | 'revalidate'

export type OnBackgroundError = (error: unknown, source: BackgroundErrorSource) => void
