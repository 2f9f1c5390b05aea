import type { HealthCheck, Page } from '@mreg/repositories'

import type { ServerView } from './server-view.ts'

/** What one probe found, as the API shows it. */
export interface HealthCheckView extends Omit<HealthCheck, 'checkedAt'> {
  readonly checkedAt: string
}

/** How a server is doing, as the API shows it. */
export interface HealthView extends Pick<ServerView, 'id' | 'slug' | 'status' | 'endpoints'> {
  /** What probes found at its endpoints, newest first, a page at a time. */
  readonly history: { readonly items: HealthCheckView[]; readonly nextCursor?: string }
}

/** The view of a server's health and of one page of its history. */
export const healthView = (
  { id, slug, status, endpoints }: ServerView,
  { items, nextCursor }: Page<HealthCheck>,
): HealthView => ({
  id,
  slug,
  status,
  endpoints,
  history: {
    items: items.map((check) => ({ ...check, checkedAt: check.checkedAt.toISOString() })),
    ...(nextCursor === undefined ? {} : { nextCursor }),
  },
})
