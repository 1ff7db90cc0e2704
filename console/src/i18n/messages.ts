import type { en } from './en'

/** Every language has exactly the keys of English; a missing or surplus one does not compile. */
export type Messages = typeof en

export type Language = 'en' | 'zh'
