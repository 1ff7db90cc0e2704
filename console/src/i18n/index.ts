import { use } from 'react'
import { stored } from '@/state/stored'
import type { Base, Language, Section, Sections, With } from './messages'
import { sources } from './sources'

export type { Language, Section, With } from './messages'

/** The words that are there: those of the frame, and of the screens that were opened. */
type Known = Partial<Base & Sections>

function preferred(): Language {
  return navigator.languages.some((tag, index) => index === 0 && tag.toLowerCase().startsWith('zh'))
    ? 'zh'
    : 'en'
}

const choice = stored<Language>('language', (raw) => (raw === 'en' || raw === 'zh' ? raw : preferred()))
const dictionaries: Readonly<Record<Language, Known>> = { en: {}, zh: {} }
/** What is under way or there, by language and name; a fetch that failed is forgotten, so that it is tried again. */
const fetches = new Map<string, Promise<void>>()
/** What the other language needs before it is changed to. */
const wanted = new Set<Section>()

function once(key: string, fetch: () => Promise<void>): Promise<void> {
  const known = fetches.get(key)
  if (known !== undefined) return known
  const asked = fetch().catch((error: unknown) => {
    fetches.delete(key)
    throw error
  })
  fetches.set(key, asked)
  return asked
}

const fetchedBase = (of: Language): Promise<void> =>
  once(of, async () => void Object.assign(dictionaries[of], await sources[of].base()))

function fetched(of: Language, name: Section): Promise<void> {
  wanted.add(name)
  return once(
    `${of}/${name}`,
    async () => void Object.assign(dictionaries[of], { [name]: await sources[of].sections[name]() }),
  )
}

function holds<S extends Section>(words: Known, names: readonly S[]): words is With<S> {
  return words.nav !== undefined && names.every((name) => words[name] !== undefined)
}

export const language = {
  get: choice.get,
  use: choice.use,
  /** The words come first, then the screens change to them. */
  set: (next: Language): void =>
    void Promise.all([fetchedBase(next), ...[...wanted].map((name) => fetched(next, name))]).then(() =>
      choice.set(next),
    ),
}

/** Fetches the words of the frame; nothing is drawn before they are there. */
export const languageReady = (): Promise<void> => fetchedBase(choice.get())

/** Code that is fetched when it is needed, and beside it the words that it says. */
export async function withWords<M>(code: Promise<M>, ...names: readonly Section[]): Promise<M> {
  const [module] = await Promise.all([code, ...names.map((name) => fetched(choice.get(), name))])
  return module
}

/**
 * The words of the frame and of what is named. Routes fetch those of their screens beside the code (`withWords`); what
 * is not there yet is waited for, as code is. The same language gives the same object.
 */
export function useMessages<S extends Section = never>(...names: readonly S[]): With<S> {
  const of = choice.use()
  const words = dictionaries[of]
  if (holds(words, names)) return words
  for (const asked of [fetchedBase(of), ...names.map((name) => fetched(of, name))]) use(asked)
  throw new Error(`the words of ${names.join(', ')} did not come`)
}
