import { stored } from './stored'

/** Who sits at this browser, as they sign what they do. */
export const author = stored<string>('silence-author', (raw) => (typeof raw === 'string' ? raw : ''))
