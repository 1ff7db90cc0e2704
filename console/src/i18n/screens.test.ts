import { describe, expect, it } from 'vitest'

const files = import.meta.glob<string>('../**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true })
const sources = new Map(
  Object.entries(files).map(([name, text]) => [name.replace(/^(\.\.\/|\.\/)/, ''), text]),
)

/** The file that a module of `from` means by `name`; none for a package. */
function fileOf(name: string, from: string): string | undefined {
  const base = name.startsWith('@/')
    ? name.slice(2)
    : new URL(name, `file:///${from}`).pathname.replace(/^\//, '')
  return name.startsWith('.') || name.startsWith('@/')
    ? [`${base}.tsx`, `${base}.ts`].find((file) => sources.has(file))
    : undefined
}

/** The words that a module and all that comes with it say. */
function saidBy(first: string): string[] {
  const seen = new Set<string>()
  const said = new Set<string>()
  for (const queue = [first]; queue.length > 0;) {
    const file = queue.pop() ?? ''
    if (seen.has(file)) continue
    seen.add(file)
    const text = sources.get(file) ?? ''
    for (const [, names = ''] of text.matchAll(/useMessages\(([^)]*)\)/g)) {
      for (const [, name = ''] of names.matchAll(/'(\w+)'/g)) said.add(name)
    }
    for (const [, name = ''] of text.matchAll(/(?:from|^import) '([^']+)'/gm)) {
      const next = fileOf(name, file)
      if (next !== undefined) queue.push(next)
    }
  }
  return [...said].sort()
}

const asked = [...sources]
  .filter(([file]) => !file.startsWith('i18n/'))
  .flatMap(([from, text]) =>
    [...text.matchAll(/withWords\(import\('([^']+)'\)([^)]*)\)/g)].map(([, name = '', names = '']) => ({
      code: fileOf(name, from) ?? name,
      names: [...names.matchAll(/'(\w+)'/g)].map(([, word = '']) => word).sort(),
    })),
  )

describe('words are fetched beside the code that says them', () => {
  it('finds the screens', () => expect(asked.length).toBeGreaterThan(15))
  it.each(asked)('$code', ({ code, names }) => expect(names).toEqual(saidBy(code)))
  it('and the frame says only its own', () => expect(saidBy('components/shell/Shell.tsx')).toEqual([]))
})
