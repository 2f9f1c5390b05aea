/**
 * Letters of other scripts that look like Latin ones, each row a Latin letter and what is taken for it. The part of Unicode's
 * list of confusables (UTS #39) that is about lower-case Greek, Cyrillic, Armenian and Latin letters: names are compared without
 * their case, and compatibility forms (full-width, mathematical) are Latin after NFKC. A package with the whole list is larger
 * than all of this one, and older than Unicode 15.
 */
const CONFUSABLES =
  'aаɑα bЬьƅ cсϲⅽ dԁɗ eеҽɛ fſ gɡցğ hһհ iіıɩιίϊ jјϳ kкκ lӏⅼןǀ mм nոո oоοօσ pрρ qԛգ rг sѕ tтτ uυսцʋ vѵν wԝшω xхχ yуүγ zᴢ'

const LATIN: ReadonlyMap<string, string> = new Map(
  CONFUSABLES.split(' ').flatMap((row) => {
    const [latin = '', ...others] = row
    return others.map((other) => [other, latin] as const)
  }),
)

/** Longest name that is compared, in characters. */
const MAX_LENGTH = 128

/**
 * The same for names that a person, or a model, takes for each other: `read_file`, `readFile`, `read-file`, and `reаd_file` with a
 * Cyrillic а. Undefined when nothing is left to compare, or the name is longer than names are.
 */
export const lookAlikeKey = (name: string): string | undefined => {
  if (name.length > MAX_LENGTH) return undefined
  // Without hyphens, blanks, and what is not seen at all.
  let key = latinLetters(name).replaceAll(/[\p{P}\p{Z}\p{C}]/gu, '')
  // What looks alike within ASCII: 0 and O; 1, l and I, whose case is gone by now; rn and m; vv and w.
  key = key.replaceAll('0', 'o').replaceAll(/[1i|]/gu, 'l').replaceAll('rn', 'm').replaceAll('vv', 'w')
  return key === '' ? undefined : key
}

/** The text in lower case, without accents, and in Latin letters where it has others that look like them. */
export const latinLetters = (text: string): string => {
  let latin = ''
  for (const letter of text.normalize('NFKD').toLowerCase().replaceAll(/\p{M}/gu, ''))
    latin += LATIN.get(letter) ?? letter
  return latin
}
