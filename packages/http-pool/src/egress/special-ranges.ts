/**
 * - `metadata`: credentials of the machine, for whoever asks from it.
 * - `loopback`: this machine. `private`: the networks of its owner. `shared`: those of its provider (RFC 6598).
 * - `link-local`: the next cable. `multicast`: many at once.
 * - `reserved`: everything else that nobody serves from.
 */
export type SpecialKind =
  | 'loopback'
  | 'private'
  | 'shared'
  | 'link-local'
  | 'metadata'
  | 'multicast'
  | 'reserved'

/**
 * The special-purpose registries of IANA (RFC 6890 and what has been added) by kind; the first that fits counts. The few
 * entries of the registries that are reachable like any other, such as AS112, are left out.
 */
export const SPECIAL_RANGES: readonly (readonly [kind: SpecialKind, ranges: readonly string[]])[] = [
  [
    'metadata',
    [
      // AWS, Google Cloud, Azure, Oracle, DigitalOcean and OpenStack
      '169.254.169.254',
      // AWS: containers, pods, name server, time
      '169.254.170.2',
      '169.254.170.23',
      '169.254.169.253',
      '169.254.169.123',
      'fd00:ec2::/32',
      // Google Cloud
      'fd20:ce::254',
      // Azure
      '168.63.129.16',
      // Alibaba Cloud
      '100.100.100.200',
      // Oracle Cloud, of old
      '192.0.0.192',
      // Scaleway
      '169.254.42.42',
      'fd00:42::42',
    ],
  ],
  ['loopback', ['127.0.0.0/8', '::1']],
  // fec0::/10 is deprecated, and in use
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10']],
  ['shared', ['100.64.0.0/10']],
  ['link-local', ['169.254.0.0/16', 'fe80::/10']],
  ['multicast', ['224.0.0.0/4', 'ff00::/8']],
  [
    'reserved',
    [
      // "this network": 0.0.0.0 connects to this machine
      '0.0.0.0/8',
      // IETF protocol assignments, DS-Lite among them
      '192.0.0.0/24',
      // documentation
      '192.0.2.0/24',
      '198.51.100.0/24',
      '203.0.113.0/24',
      '2001:db8::/32',
      '3fff::/20',
      // 6to4 relays and 6to4, which carry an IPv4 address
      '192.88.99.0/24',
      '2002::/16',
      // benchmarks
      '198.18.0.0/15',
      // the future, and broadcast
      '240.0.0.0/4',
      // unspecified, and IPv4-compatible addresses
      '::/96',
      // IPv4 translated (RFC 2765) and NAT64 of one's own (RFC 8215)
      '::ffff:0:0:0/96',
      '64:ff9b:1::/48',
      // discard
      '100::/64',
      '100:0:0:1::/64',
      // IETF protocol assignments: Teredo, ORCHID, benchmarks
      '2001::/23',
      // segment routing
      '5f00::/16',
    ],
  ],
]
