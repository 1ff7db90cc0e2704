import { common, errors, nav, time, top } from './frame'
import { query } from './query'

/** What the frame and nearly every screen say, in English; its shape is the contract of every other language. */
export const base = {
  locale: 'en',
  brand: 'Watchfire',
  nav,
  common,
  top,
  time,
  errors,
  query,
}
