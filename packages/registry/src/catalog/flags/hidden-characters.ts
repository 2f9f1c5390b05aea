/** Characters that a person does not see, by what they do. */
export type HiddenCharacters =
  | 'bidirectional_text'
  | 'zero_width_text'
  | 'tag_characters'
  | 'control_characters'

/** Joiners belong into emoji and into these scripts: there they are seen. */
const JOINED = String.raw`\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F\p{Script=Arabic}\p{Script=Bengali}\p{Script=Devanagari}\p{Script=Gujarati}\p{Script=Gurmukhi}\p{Script=Kannada}\p{Script=Khmer}\p{Script=Malayalam}\p{Script=Mongolian}\p{Script=Myanmar}\p{Script=Oriya}\p{Script=Sinhala}\p{Script=Syriac}\p{Script=Tamil}\p{Script=Telugu}`

/** The flags of some regions are a black flag and tags (UTS #51, ED-14a). */
const REGION_FLAG = /\u{1F3F4}[\u{E0020}-\u{E007E}]{1,16}\u{E007F}/gu

const PATTERNS: readonly (readonly [HiddenCharacters, RegExp])[] = [
  // Marks, embeddings, overrides and isolates (UAX #9): text reads otherwise than it is written.
  ['bidirectional_text', /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu],
  [
    'zero_width_text',
    new RegExp(
      String.raw`[\u00AD\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180E\u200B\u2060-\u2064\u206A-\u206F\u3164\uFEFF\uFFA0\u{E0100}-\u{E01EF}]|(?<![${JOINED}])[\u200C\u200D]`,
      'gu',
    ),
  ],
  // Letters that only machines read: whole sentences are hidden in them.
  ['tag_characters', /[\u{E0000}-\u{E007F}]/gu],
  // Tabs and line ends are text; the rest moves cursors and colours terminals.
  // oxlint-disable-next-line no-control-regex -- what is looked for
  ['control_characters', /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/gu],
]

/** What is hidden in a text, with the code points that are, each once and at most four. Linear in the text. */
export const hiddenCharactersIn = (
  text: string,
): readonly { readonly kind: HiddenCharacters; readonly codePoints: readonly string[] }[] => {
  if (PLAIN.test(text)) return []
  const shown = text.replaceAll(REGION_FLAG, '')
  return PATTERNS.flatMap(([kind, pattern]) => {
    const codePoints = new Set<string>()
    for (const [character] of shown.matchAll(pattern)) {
      codePoints.add(codePointText(character))
      if (codePoints.size === 4) break
    }
    return codePoints.size === 0 ? [] : [{ kind, codePoints: [...codePoints] }]
  })
}

/** The text with everything in it visible: what is not is written as its code point. */
export const visibleText = (text: string): string => {
  if (PLAIN.test(text)) return text
  let visible = text
  for (const [, pattern] of PATTERNS) visible = visible.replaceAll(pattern, escaped)
  return visible.replaceAll(/[\p{Cs}\p{Co}\p{Cn}]/gu, escaped)
}

/** The text in ASCII: everything else is written as its code point. */
export const asciiText = (text: string): string => text.replaceAll(/[^\u0020-\u007E\n\t]/gu, escaped)

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** Nothing in it can be hidden. */
const PLAIN = /^[\t\n\r\u0020-\u007E]*$/u

const codePointText = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
