import { stored } from '@/state/stored'
import { en } from './en'
import type { Language, Messages } from './messages'
import { zh } from './zh'

export type { Language, Messages } from './messages'

const dictionaries: Readonly<Record<Language, Messages>> = { en, zh }

function preferred(): Language {
  return navigator.languages.some((tag, index) => index === 0 && tag.toLowerCase().startsWith('zh'))
    ? 'zh'
    : 'en'
}

export const language = stored<Language>('language', (raw) =>
  raw === 'en' || raw === 'zh' ? raw : preferred(),
)

export function useMessages(): Messages {
  return dictionaries[language.use()]
}
