import { useMessages } from '@/i18n'

export const useWords = () => useMessages('objectives').objectives
