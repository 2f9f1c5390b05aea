/**
 * Where the gateway answers for a name of the command line: a server; a toolset, as `sets/NAME`, which no server can be called; all
 * servers when it is undefined.
 */
export const endpointPath = (name: string | undefined): string => {
  if (name === undefined) return '/mcp'
  const toolset = /^sets\/(.+)$/u.exec(name)?.[1]
  return toolset === undefined
    ? `/mcp/${encodeURIComponent(name)}`
    : `/mcp/sets/${encodeURIComponent(toolset)}`
}
