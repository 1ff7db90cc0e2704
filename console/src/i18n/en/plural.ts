const rules = new Intl.PluralRules('en')

/**
 * A number with its noun. `count` may be written already (`1,234`, `12k`): what is no plain number is many.
 */
export function counted(count: number | string, one: string, many = `${one}s`): string {
  return `${count} ${rules.select(Number(count)) === 'one' ? one : many}`
}
