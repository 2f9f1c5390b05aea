import type { AccessControl } from '@mreg/access'
import type { Principal } from '@mreg/core'
import type { CatalogServer, Definition, DefinitionKind } from '@mreg/registry'
import type { Upstreams } from '@mreg/upstream'

import type { NamedCapability } from '../control/named-capability.ts'
import type { CatalogViews, Viewer } from '../merged/catalog-views.ts'
import type { Catalogs } from '../merged/catalogs.ts'
import { ownerOfUri } from '../merged/owner-request.ts'
import type { PrincipalCatalog } from '../merged/principal-catalog.ts'
import type { ToolsetTable } from '../merged/toolset-table.ts'
import type { RouteTable, ServerRoute } from '../route-table.ts'
import type { ServerProxy } from '../server-proxy.ts'
import { explainAccess } from './explain-access.ts'
import { explainCall } from './explain-call.ts'
import { explainDefinition } from './explain-definition.ts'
import type { ExplainedEndpoints } from './explain-endpoints.ts'
import { explainPath, explainServerPath } from './explain-path.ts'
import { explainSelections } from './explain-selections.ts'
import { explainServer } from './explain-server.ts'
import { type Explanation, Steps } from './explanation.ts'
import { locateName, namesLike } from './locate-name.ts'

export interface ExplainerOptions {
  readonly catalogs: Catalogs
  readonly views: CatalogViews
  readonly toolsets: ToolsetTable
  readonly routes: RouteTable
  readonly upstreams: Upstreams
  readonly proxy: Pick<ServerProxy, 'judge' | 'serverRefusal'>
  readonly access?: AccessControl | undefined
  /** How long it waits for servers that have never been asked, in milliseconds. */
  readonly firstListMs: number
}

/** What is to be explained. */
export interface ExplainQuery {
  readonly caller: {
    readonly principal: Principal
    /** For a person. */
    readonly title: string
    /** Why the caller is not let in; undefined: it is. */
    readonly refusal?: { readonly code: string; readonly message: string } | undefined
  }
  readonly name: string
  /** undefined: whatever it is. */
  readonly kind?: DefinitionKind | undefined
  /** At the path of this server, by its own names. undefined: at that of many. */
  readonly server?: string | undefined
  /** At the path of this toolset. undefined: at that of all servers. */
  readonly set?: string | undefined
}

/** What is looked at for one explanation. */
interface Inquiry extends ExplainQuery {
  readonly steps: Steps
  readonly known: PrincipalCatalog
}

interface Found {
  readonly named: NamedCapability
  readonly slug: string
  readonly shownAs: string | undefined
  readonly isShown: boolean
  readonly isCallable: boolean
  readonly endpoints: ExplainedEndpoints | undefined
}

/**
 * Says why a caller sees something or does not, and where a call would go: it asks whatever decides when there is a call, and decides
 * nothing itself.
 */
export class Explainer {
  readonly #options: ExplainerOptions

  constructor(options: ExplainerOptions) {
    this.#options = options
  }

  /** Explains one name for one caller. No server is called; one that was never asked what it offers is, as for any list. */
  async explain(query: ExplainQuery): Promise<Explanation> {
    const { caller, name, server, set } = query
    const { refusal, title, principal } = caller
    const steps = new Steps()
    if (refusal === undefined) steps.add('caller', 'ok', 'let_in', `The caller is ${title}, and is let in.`)
    else steps.add('caller', 'no', refusal.code, `The caller, ${title}, is not let in: ${refusal.message}.`)
    const known = this.#options.catalogs.of(principal)
    await known.ready(this.#options.firstListMs)
    const inquiry = { ...query, steps, known }
    const found = server === undefined ? await this.#amongAll(inquiry) : await this.#ofServer(inquiry, server)
    const { refusing } = steps
    return {
      caller: { id: principal.id, title, role: principal.role },
      path: `/mcp${server === undefined ? '' : `/${server}`}${set === undefined ? '' : `/sets/${set}`}`,
      name,
      capability: found && {
        kind: found.named.kind,
        server: found.slug,
        name: found.named.name,
        shownAs: found.shownAs,
      },
      isShown: found?.isShown === true && refusal === undefined,
      isCallable: found?.isCallable === true && refusing === undefined,
      reason: refusing?.code,
      summary: refusing?.text ?? summaryOf(name, found),
      steps: steps.all,
      strategy: found?.endpoints?.strategy,
      endpoints: found?.endpoints?.all ?? [],
    }
  }

  /** At `/mcp` and `/mcp/sets/{set}`. */
  async #amongAll(inquiry: Inquiry): Promise<Found | undefined> {
    const { caller, kind, known, name, set, steps } = inquiry
    const { access, routes, toolsets, views } = this.#options
    const { principal } = caller
    if (!explainPath(steps, { principal, limits: access?.limitsOf(principal), set, toolsets }))
      return undefined
    const viewer: Viewer = { principal, toolset: set }
    const located = locateName(known, views, viewer, name, kind)
    if (located === undefined) {
      const alike = namesLike(known, name)
      const meant =
        alike.length === 0 ? '' : ` Servers have it under that name; clients know it as ${alike.join(', ')}.`
      steps.add('name', 'no', 'unknown_name', `Nothing is known as ${JSON.stringify(name)}.${meant}`, {
        alike,
      })
      return undefined
    }
    const { entry, slug } = located
    const named = { kind: located.kind, name: located.name }
    steps.add('name', 'ok', 'known_name', `${JSON.stringify(name)} stands for ${titleOf(slug, named)}.`)
    if (entry?.action === 'login') return this.#ofLogin(inquiry, slug, named)
    const route = routes.lookup(principal.tenantId, slug)
    const server = serverIn(known, slug)
    explainServer(steps, slug, route, server)
    if (route === undefined) return nowhere(slug, named)
    await this.#explainNamed(inquiry, { named, route, server, definition: entry?.definition })
    const view = views.of(known.catalog, viewer)
    const found = named.kind === 'resource' ? view.findResource(name) : view.find(named.kind, name)
    const traced = entry === undefined ? [] : views.trace(entry, viewer)
    const shownAs = explainSelections(steps, traced, { name, set, isFound: found !== undefined })
    const isReadable = named.kind === 'resource' && ownerOfUri(name, view) !== undefined
    const endpoints = explainCall(steps, route, server, this.#options.upstreams, principal)
    return {
      named,
      slug,
      shownAs,
      isShown: found !== undefined,
      isCallable: found !== undefined || isReadable,
      endpoints,
    }
  }

  /** The tool that stands for a server which wants a login. */
  #ofLogin(
    { caller: { principal }, known, name, set, steps }: Inquiry,
    slug: string,
    named: NamedCapability,
  ): Found {
    const view = this.#options.views.of(known.catalog, { principal, toolset: set })
    const isShown = view.find('tool', name) !== undefined
    const text = `The server "${slug}" wants a login first; the gateway itself answers calls of this tool, and begins it.`
    steps.add('server', isShown ? 'warning' : 'no', 'needs_login', text)
    return { ...nowhere(slug, named), shownAs: isShown ? name : undefined, isShown, isCallable: isShown }
  }

  /** At `/mcp/{slug}`. */
  async #ofServer(inquiry: Inquiry, slug: string): Promise<Found | undefined> {
    const { caller, kind, known, name, steps } = inquiry
    const { proxy, routes } = this.#options
    const { principal } = caller
    const route = routes.lookup(principal.tenantId, slug)
    const refusal = proxy.serverRefusal(principal, slug)
    explainServerPath(steps, slug, refusal)
    const server = serverIn(known, slug)
    if (route === undefined || refusal === undefined) explainServer(steps, slug, route, server)
    if (route === undefined || refusal !== undefined) return undefined
    const listed = server?.definitions.find((each) => each.name === name && (kind ?? each.kind) === each.kind)
    const named = { kind: listed?.kind ?? kind ?? (name.includes(':') ? 'resource' : 'tool'), name }
    const isAllowed = await this.#explainNamed(inquiry, { named, route, server, definition: listed })
    const endpoints = explainCall(steps, route, server, this.#options.upstreams, principal)
    return {
      named,
      slug,
      shownAs: isAllowed && listed !== undefined ? name : undefined,
      isShown: isAllowed && listed !== undefined,
      isCallable: isAllowed,
      endpoints,
    }
  }

  /** Whether the caller may use what is named, as far as it is for access and change control. */
  async #explainNamed(
    { caller: { principal }, steps }: Inquiry,
    {
      definition,
      named,
      route,
      server,
    }: {
      readonly named: NamedCapability
      readonly route: ServerRoute
      readonly server: CatalogServer | undefined
      readonly definition: Definition | undefined
    },
  ): Promise<boolean> {
    const { access, proxy } = this.#options
    const { slug } = route.server
    const judged = await proxy.judge(route, principal, named)
    const title = titleOf(slug, named)
    explainDefinition(steps, { named, title, definition, server, withheld: judged.withheld })
    explainAccess(steps, {
      limits: access?.limitsOf(principal),
      principal,
      refusal: judged.access,
      named,
      slug,
      title,
      definition,
    })
    return judged.access === undefined && judged.withheld === undefined
  }
}

const serverIn = ({ catalog }: PrincipalCatalog, slug: string): CatalogServer | undefined =>
  catalog.servers.find((server) => server.slug === slug)

const titleOf = (slug: string, { kind, name }: NamedCapability): string =>
  `the ${kind.replaceAll('_', ' ')} ${JSON.stringify(name)} of the server "${slug}"`

const nowhere = (slug: string, named: NamedCapability): Found => ({
  named,
  slug,
  shownAs: undefined,
  isShown: false,
  isCallable: false,
  endpoints: undefined,
})

const summaryOf = (name: string, found: Found | undefined): string => {
  if (found?.endpoints === undefined)
    return `${JSON.stringify(name)} is shown, and answered by the gateway itself.`
  const to = found.endpoints.chosen
  return `${JSON.stringify(name)} is ${found.isShown ? 'shown' : 'in no list, and can be used all the same'}; a call goes to ${to?.address ?? to?.id ?? 'its server'}.`
}
