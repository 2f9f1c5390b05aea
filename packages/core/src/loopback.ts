/** Whether `host` is this machine only: `localhost`, `127.0.0.0/8` or `::1`, the latter with or without brackets. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/u.test(host)
