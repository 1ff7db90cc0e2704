import { hoverTooltip, type Tooltip } from '@codemirror/view'
import type { Extension } from '@codemirror/state'
import { PromQLExtension } from '@prometheus-io/codemirror-promql'
import type { QueryClient } from '@tanstack/react-query'
import { completionStrategy, familyOf, functionsOf, metadataOfNames } from './promqlClient'

const wordPart = /[a-zA-Z0-9_:]/

function wordAt(text: string, at: number): { from: number; to: number } | null {
  let from = at
  let to = at
  while (from > 0 && wordPart.test(text[from - 1] ?? '')) from--
  while (to < text.length && wordPart.test(text[to] ?? '')) to++
  return from < to ? { from, to } : null
}

function helpBox(title: string, kind: string, body: string): HTMLElement {
  const box = document.createElement('div')
  box.className = 'wf-hover'
  const head = document.createElement('header')
  const name = document.createElement('b')
  name.textContent = title
  const tag = document.createElement('em')
  tag.textContent = kind
  head.append(name, tag)
  const text = document.createElement('p')
  text.textContent = body
  box.append(head, text)
  return box
}

/** What a metric measures, or what a function does, as the server describes it. */
function hoverHelp(client: QueryClient): Extension {
  return hoverTooltip(async (view, at): Promise<Tooltip | null> => {
    const text = view.state.doc.toString()
    const word = wordAt(text, at)
    if (word === null) return null
    const name = text.slice(word.from, word.to)
    const called = /^\s*(\(|by\b|without\b)/.test(text.slice(word.to))
    if (called) {
      const known = (await functionsOf(client)).find((f) => f.name === name)
      if (known === undefined) return null
      return {
        pos: word.from,
        end: word.to,
        create: () => ({ dom: helpBox(known.signature, 'ƒ', known.help) }),
      }
    }
    const metadata = await metadataOfNames(client, [name])
    const entry = (metadata[name] ?? metadata[familyOf(name)])?.[0]
    if (entry === undefined) return null
    return { pos: word.from, end: word.to, create: () => ({ dom: helpBox(name, entry.type, entry.help) }) }
  })
}

/** PromQL in an editor: colours, completion from live metadata, and what is under the pointer explained. */
export function promqlExtension(client: QueryClient): Extension {
  const promql = new PromQLExtension().setComplete({ completeStrategy: completionStrategy(client) })
  return [hoverHelp(client), promql.asExtension()]
}
