/** Every way in which a URL may spell an IPv4 address, and every IPv6 address that stands for it. */
export function spellingsOf(address: string): { readonly asIpv4: string[]; readonly asIpv6: string[] } {
  const bytes = address.split('.').map(Number)
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes
  const number = ((first * 256 + second) * 256 + third) * 256 + fourth
  const high = hex(first * 256 + second, 4)
  const low = hex(third * 256 + fourth, 4)
  const fullWidth = address
    .split('')
    .map((character) => (character === '.' ? '。' : String.fromCodePoint(0xff10 + Number(character))))
    .join('')
  return {
    asIpv4: [
      address,
      `${address}.`,
      String(number),
      `0x${hex(number, 8)}`,
      `0X${hex(number, 8).toUpperCase()}`,
      octal(number),
      bytes.map(octal).join('.'),
      bytes.map((byte) => `000${byte.toString(8)}`).join('.'),
      bytes.map((byte) => `0x${hex(byte)}`).join('.'),
      `${first}.${octal(second)}.0x${hex(third)}.${fourth}`,
      `${first}.${second}.${third * 256 + fourth}`,
      `${first}.${(second * 256 + third) * 256 + fourth}`,
      fullWidth,
      address.replaceAll('.', '。'),
      address.replaceAll('.', '%2e'),
      address
        .split('')
        .map((character) => `%${hex(character.codePointAt(0) ?? 0)}`)
        .join(''),
      `user:secret@${address}`,
    ],
    asIpv6: [
      `::ffff:${address}`,
      `::ffff:${high}:${low}`,
      `0:0:0:0:0:ffff:${high}:${low}`,
      `0000:0000:0000:0000:0000:FFFF:${high.toUpperCase()}:${low}`,
      `64:ff9b::${address}`,
      `64:ff9b::${high}:${low}`,
      `0064:FF9B:0:0:0:0:${high}:${low}`,
      `64:ff9b:1::${high}:${low}`,
      `2002:${high}:${low}::`,
      `2002:${high}:${low}::1`,
      `::${high}:${low}`,
      `::ffff:0:${high}:${low}`,
      `2001:0:${high}:${low}::${high}:${low}`,
    ],
  }
}

const hex = (value: number, digits = 2): string => value.toString(16).padStart(digits, '0')

const octal = (value: number): string => `0${value.toString(8)}`
