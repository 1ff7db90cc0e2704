import type { Base } from '../messages'
import { common, errors, nav, time, top } from './frame'
import { query } from './query'

export const base: Base = {
  locale: 'zh-CN',
  brand: '烽火 Watchfire',
  nav,
  common,
  top,
  time,
  errors,
  query,
}
