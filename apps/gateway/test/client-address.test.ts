import { expect, test } from 'vitest'

import { clientAddress } from '../src/http/client-address.ts'

const of = (remoteAddress: string, forwarded: string | undefined, trustedProxies: number): string =>
  clientAddress(
    {
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of a socket is looked at
      socket: { remoteAddress } as Parameters<typeof clientAddress>[0]['socket'],
    },
    trustedProxies,
  )

test.each([
  ['what a client says of itself is not looked at', '192.0.2.1', '203.0.113.9', 0, '192.0.2.1'],
  ['a proxy is believed', '10.0.0.1', '203.0.113.9', 1, '203.0.113.9'],
  ['what came before the proxy is not', '10.0.0.1', '198.51.100.7, 203.0.113.9', 1, '203.0.113.9'],
  ['two proxies are believed', '10.0.0.1', '1.1.1.1, 203.0.113.9, 10.0.0.2', 2, '203.0.113.9'],
  ['who goes round a proxy is where it comes from', '192.0.2.1', undefined, 1, '192.0.2.1'],
  ['who goes round one of two is too', '192.0.2.1', '203.0.113.9', 2, '192.0.2.1'],
  ['what is no address is nothing', '10.0.0.1', 'unknown', 1, '10.0.0.1'],
  ['what is no address is not passed on', '10.0.0.1', '203.0.113.9\u0000', 1, '10.0.0.1'],
  ['an address of IPv6 stands for its /64', '2001:db8:1:2:3:4:5:6', undefined, 0, '2001:db8:1:2::/64'],
  ['so does its neighbour', '2001:0DB8:1:2:ffff::1', undefined, 0, '2001:db8:1:2::/64'],
  ['with a zone too', 'fe80::1%eth0', undefined, 0, 'fe80:0:0:0::/64'],
  ['IPv4 is the same within IPv6', '::ffff:192.0.2.1', undefined, 0, '192.0.2.1'],
  ['and in hexadecimal', '::ffff:c000:0201', undefined, 0, '192.0.2.1'],
  ['behind a proxy as well', '10.0.0.1', '::ffff:192.0.2.1', 1, '192.0.2.1'],
  ['loopback is itself', '::1', undefined, 0, '0:0:0:0::/64'],
])('S35 %s', (_name, remote, forwarded, proxies, expected) => {
  expect(of(remote, forwarded, proxies)).toBe(expected)
})
