import { entityHealths, entityTypes, type EntityHealth, type EntityType } from '@/api/entities'
import { one, oneOf } from '@/lib/search'

/** What the address says of the catalogue of entities. */
export interface EntitiesSearch {
  readonly type?: EntityType | undefined
  readonly health?: EntityHealth | undefined
  readonly text?: string | undefined
}

export function validateEntitiesSearch(search: Record<string, unknown>): EntitiesSearch {
  const text = one(search.text)
  return {
    type: oneOf(search.type, entityTypes),
    health: oneOf(search.health, entityHealths),
    text: text === '' ? undefined : text,
  }
}

/** What the address says of one entity; its id has slashes and blanks of its own, so it is no part of the path. */
export const validateEntitySearch = (search: Record<string, unknown>): { id?: string | undefined } => ({
  id: one(search.id),
})
