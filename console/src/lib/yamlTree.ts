import type { SyntaxNode } from '@lezer/common'
import { parser } from '@lezer/yaml'

/**
 * YAML with the places of its parts, as far as a screen needs them to point at a setting or to read one. The server is
 * the judge of a text; this reads also what is not finished yet.
 */
export type YamlNode = YamlText | YamlMap | YamlList

interface Placed {
  readonly from: number
  readonly to: number
}

export interface YamlText extends Placed {
  readonly kind: 'text'
  readonly text: string
}

export interface YamlPair extends Placed {
  readonly name: string
  readonly value: YamlNode | null
}

export interface YamlMap extends Placed {
  readonly kind: 'map'
  /** From and to are those of the name. */
  readonly pairs: readonly YamlPair[]
}

export interface YamlList extends Placed {
  readonly kind: 'list'
  readonly items: readonly (YamlNode | null)[]
}

/** Deeper parts are not read. */
const depthMax = 40

const values = new Set([
  'BlockMapping',
  'FlowMapping',
  'BlockSequence',
  'FlowSequence',
  'Literal',
  'QuotedLiteral',
  'BlockLiteral',
  'Anchored',
  'Tagged',
])

function childrenOf(node: SyntaxNode, wanted: (name: string) => boolean): SyntaxNode[] {
  const found: SyntaxNode[] = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling)
    if (wanted(child.name)) found.push(child)
  return found
}

const isValue = (name: string) => values.has(name)

function unquoted(raw: string): string {
  if (raw.startsWith("'")) return raw.slice(1, -1).replaceAll("''", "'")
  if (!raw.startsWith('"')) return raw.trim()
  try {
    return String(JSON.parse(raw))
  } catch {
    return raw.slice(1, -1)
  }
}

/** The text of a literal in lines of its own: its indentation goes, and folded lines are joined. */
function blockText(raw: string): string {
  const [header = '', ...lines] = raw.split('\n')
  const indent = Math.min(...lines.filter((l) => l.trim() !== '').map((l) => l.search(/\S/)))
  const cut = lines.map((l) => l.slice(Number.isFinite(indent) ? indent : 0))
  return cut.join(header.startsWith('>') ? ' ' : '\n')
}

function read(node: SyntaxNode, source: string, depth: number): YamlNode | null {
  if (depth > depthMax) return null
  const { to } = node
  switch (node.name) {
    case 'BlockMapping':
    case 'FlowMapping': {
      const pairs = childrenOf(node, (name) => name === 'Pair').flatMap((pair): YamlPair[] => {
        const key = pair.getChild('Key')
        if (key === null) return []
        const [value] = childrenOf(pair, isValue)
        const name = unquoted(source.slice(key.from, key.to))
        const held = value === undefined ? null : read(value, source, depth + 1)
        return [{ name, from: key.from, to: key.to, value: held }]
      })
      return { kind: 'map', from: pairs[0]?.from ?? node.from, to, pairs }
    }
    case 'BlockSequence':
    case 'FlowSequence': {
      const items = childrenOf(node, (name) => name === 'Item').map((item) => {
        const [value] = childrenOf(item, isValue)
        return value === undefined ? null : read(value, source, depth + 1)
      })
      return { kind: 'list', from: node.from, to, items }
    }
    case 'Anchored':
    case 'Tagged': {
      const [value] = childrenOf(node, isValue)
      return value === undefined ? null : read(value, source, depth + 1)
    }
    default: {
      const raw = source.slice(node.from, to)
      const text = node.name === 'BlockLiteral' ? blockText(raw) : unquoted(raw)
      return { kind: 'text', from: node.from, to, text }
    }
  }
}

/** The first document of a text. */
export function readYaml(source: string): YamlNode | null {
  const document = parser.parse(source).topNode.getChild('Document')
  const [value] = document === null ? [] : childrenOf(document, isValue)
  return value === undefined ? null : read(value, source, 0)
}

export function at(node: YamlNode | null | undefined, name: string): YamlNode | null {
  return node?.kind === 'map' ? (node.pairs.find((pair) => pair.name === name)?.value ?? null) : null
}

export const textAt = (node: YamlNode | null | undefined, name: string): string | null => {
  const held = at(node, name)
  return held?.kind === 'text' ? held.text : null
}

/** Names with their texts; what is not text is left out. */
export function textsOf(node: YamlNode | null | undefined): Record<string, string> {
  if (node?.kind !== 'map') return {}
  return Object.fromEntries(
    node.pairs.flatMap(({ name, value }) => (value?.kind === 'text' ? [[name, value.text]] : [])),
  )
}

/** Every text of a tree that is not a name. */
export function allTexts(node: YamlNode | null): string[] {
  if (node === null) return []
  if (node.kind === 'text') return [node.text]
  return node.kind === 'list'
    ? node.items.flatMap(allTexts)
    : node.pairs.flatMap(({ value }) => allTexts(value))
}

/**
 * The place a path such as `stages[1].drop.matches` leads to, or the last place on the way that is there. Names may
 * hold dots.
 */
export function placeOf(root: YamlNode, path: string): Placed {
  let node: YamlNode | null = root
  let place: Placed = root
  let rest = path
  while (node !== null && rest !== '') {
    const index = /^\[(\d+)\]\.?/.exec(rest)
    if (index !== null && node.kind === 'list') {
      const item: YamlNode | null = node.items[Number(index[1])] ?? null
      if (item === null) break
      rest = rest.slice(index[0].length)
      node = item
      place = item.kind === 'map' ? (item.pairs[0] ?? item) : item
      continue
    }
    const text = rest
    const pair: YamlPair | undefined =
      node.kind === 'map'
        ? node.pairs
            .filter(({ name }) => text.startsWith(name) && /^($|[.[])/.test(text.slice(name.length)))
            .sort((a, b) => b.name.length - a.name.length)[0]
        : undefined
    if (pair === undefined) break
    rest = rest.slice(pair.name.length).replace(/^\./, '')
    node = pair.value
    place = node?.kind === 'text' ? node : pair
  }
  return { from: place.from, to: place.to }
}
