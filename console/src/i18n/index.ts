import { stored } from '@/state/stored'
import type { Language, Messages } from './messages'

export type { Language, Messages } from './messages'

/** A visit needs one language; the other is fetched when it is chosen. */
const sources: Readonly<Record<Language, () => Promise<Messages>>> = {
  en: async () => (await import('./en')).en,
  zh: async () => (await import('./zh')).zh,
}
const dictionaries = new Map<Language, Messages>()

function preferred(): Language {
  return navigator.languages.some((tag, index) => index === 0 && tag.toLowerCase().startsWith('zh'))
    ? 'zh'
    : 'en'
}

const choice = stored<Language>('language', (raw) => (raw === 'en' || raw === 'zh' ? raw : preferred()))

async function fetched(wanted: Language): Promise<void> {
  if (!dictionaries.has(wanted)) dictionaries.set(wanted, await sources[wanted]())
}

export const language = {
  get: choice.get,
  use: choice.use,
  /** The words come first, then the screens change to them. */
  set: (next: Language): void => void fetched(next).then(() => choice.set(next)),
}

/** Fetches the words of the first screen; nothing is drawn before they are there. */
export const languageReady = (): Promise<void> => fetched(choice.get())

export function useMessages(): Messages {
  const words = dictionaries.get(choice.use())
  if (words === undefined) throw new Error('a screen was drawn before languageReady()')
  return words
}
