export type { ActiveRequest, RequestPhase } from './active/active-request.ts'
export { ActiveRequests, type ActiveRequestView } from './active/active-requests.ts'
export type { Answer, AnswerHeader, CompleteAnswer, StreamAnswer } from './answer.ts'
export { Fallback, type FallbackFigures, type FallbackOptions } from './fallback/fallback.ts'
export type { FallbackSettings } from './fallback/fallback-settings.ts'
export { CallAudit, type CallAuditOptions } from './control/call-audit.ts'
export type { Exchange } from './exchange.ts'
export {
  EXPLAINED_CHECKS,
  type ExplainedCheck,
  type ExplainedEndpoint,
  type ExplainedStep,
  type Explanation,
} from './explain/explanation.ts'
export type { Explainer, ExplainQuery } from './explain/explainer.ts'
export { MergedProxy, type MergedProxyOptions } from './merged/merged-proxy.ts'
export type { LoginUrlFor } from './merged/login-action.ts'
export type { OfferSizes } from './merged/offer-sizes.ts'
export type { SelectionFor, Viewer } from './merged/catalog-views.ts'
export type { CatalogSettings } from './merged/catalog-settings.ts'
export { ProcessLine, type ProcessLineOptions } from './processes/process-line.ts'
export { RouteTable, type ServerRoute } from './route-table.ts'
export { ServerProxy, type ServerProxyOptions } from './server-proxy.ts'
export {
  DURATION_BOUNDS_MS,
  ERAS,
  METHOD_CLASSES,
  type MethodClass,
  type Outcome,
  OUTCOMES,
} from './traffic/dimensions.ts'
export type { Durations, RequestCount, ServerTraffic } from './traffic/server-traffic.ts'
export { Traffic } from './traffic/traffic.ts'
export { type SessionClaims, SessionTokens, type TokenSealer } from './session-token.ts'
