import type { ServerSettings, ServerStatus, TransportKind, Visibility } from '@mreg/core'

/** One endpoint to store. Whatever does not fit its transport stays undefined. */
export interface NewEndpoint {
  /** In an update: which endpoint it is, so that what is known of it is kept. undefined: a new one. */
  readonly id?: string | undefined
  readonly transport: TransportKind
  readonly url?: string | undefined
  readonly command?: string | undefined
  readonly args?: readonly string[] | undefined
  readonly cwd?: string | undefined
  /** Default 1. */
  readonly weight?: number | undefined
  readonly headerNames?: readonly string[] | undefined
  readonly envNames?: readonly string[] | undefined
  /** A secret that was stored in the same session. It goes when no endpoint names it any more. */
  readonly secretId?: string | undefined
}

/** A server to store. */
export interface NewServer {
  /** undefined: a new id is made. */
  readonly id?: string | undefined
  readonly slug: string
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly version?: string | undefined
  readonly tags?: readonly string[] | undefined
  /** Default `private`. */
  readonly visibility?: Visibility | undefined
  readonly settings?: ServerSettings | undefined
  /** Default `api`. */
  readonly managedBy?: string | undefined
  readonly endpoints: readonly NewEndpoint[]
}

/** What to change. undefined: it stays; null: it is cleared. The slug never changes. */
export interface ServerPatch {
  readonly title?: string | null | undefined
  readonly description?: string | null | undefined
  readonly version?: string | null | undefined
  readonly tags?: readonly string[] | undefined
  readonly visibility?: Visibility | undefined
  readonly settings?: ServerSettings | undefined
  readonly managedBy?: string | undefined
  /** True takes it out of service. When it is back, its status is `unknown` until it is probed. */
  readonly maintenance?: boolean | undefined
  /** All endpoints, in their order; those that are not among them go. */
  readonly endpoints?: readonly NewEndpoint[] | undefined
}

/** Which servers. All that is given must hold. */
export interface ServerFilter {
  /** Occurs in slug, title or description, in any case. */
  readonly q?: string | undefined
  readonly tag?: string | undefined
  /** At least one endpoint has it. */
  readonly transport?: TransportKind | undefined
  readonly status?: ServerStatus | undefined
  /** Offers a tool, resource, template or prompt of exactly this name (or URI) to everybody who may use it. */
  readonly capability?: string | undefined
}
