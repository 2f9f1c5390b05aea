/** Names the server and database of a connection string for a person; never the password. */
export const describeTarget = (connectionString: string): string => {
  if (!URL.canParse(connectionString)) {
    return 'PostgreSQL'
  }
  const url = new URL(connectionString)
  const host = url.searchParams.get('host') ?? (url.hostname === '' ? 'localhost' : url.hostname)
  const port = host.startsWith('/') ? '' : `:${url.port === '' ? '5432' : url.port}`
  const database = decodeURIComponent(url.pathname.slice(1))
  const user = decodeURIComponent(url.username)
  const details = [
    ...(database === '' ? [] : [`database "${database}"`]),
    ...(user === '' ? [] : [`user "${user}"`]),
  ]
  return `PostgreSQL at ${host}${port}${details.length === 0 ? '' : ` (${details.join(', ')})`}`
}
