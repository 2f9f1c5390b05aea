/** How limits are said on the command line. */
export interface ScopeOptions {
  readonly server?: readonly string[]
  readonly tool?: readonly string[]
  readonly denyTool?: readonly string[]
  readonly readOnly?: boolean
}

/** The rules that the options say. */
export const scopesOf = ({ denyTool, readOnly, server, tool }: ScopeOptions): object => ({
  ...(server === undefined ? {} : { servers: { allow: server } }),
  ...(tool === undefined && denyTool === undefined ? {} : { tools: { allow: tool, deny: denyTool } }),
  ...(readOnly === true ? { readOnlyTools: true } : {}),
})
