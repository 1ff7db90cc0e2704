import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { HtmlTagDescriptor, Plugin } from 'vite'

/**
 * Lets the browser fetch the first screen and the text font beside the entry script, instead of after it ran. The
 * screen is a chunk of its own, and without a hint its fetch would wait for React to start.
 */
export function preloadFirstScreen(screen: string): Plugin {
  return {
    name: 'preload-first-screen',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle = {} }) {
        const chunks = Object.values(bundle).filter((output) => output.type === 'chunk')
        const known = new Map(chunks.map((chunk) => [chunk.fileName, chunk]))
        const entry = chunks.find((chunk) => chunk.isEntry)
        const first = chunks.find((chunk) => chunk.facadeModuleId?.endsWith(screen) === true)
        if (first === undefined) throw new Error(`there is no chunk for ${screen}`)
        const already = new Set(entry?.imports)
        const wanted = new Set<string>()
        const visit = (file: string) => {
          if (wanted.has(file) || already.has(file) || file === entry?.fileName) return
          wanted.add(file)
          for (const next of known.get(file)?.imports ?? []) visit(next)
        }
        visit(first.fileName)
        const font = Object.keys(bundle).find((file) => /inter-[^/]*\.woff2$/.test(file))
        const tags: HtmlTagDescriptor[] = [...wanted].map((file) => ({
          tag: 'link',
          attrs: { rel: 'modulepreload', crossorigin: true, href: `/${file}` },
          injectTo: 'head',
        }))
        if (font !== undefined) {
          const attrs = {
            rel: 'preload',
            as: 'font',
            type: 'font/woff2',
            crossorigin: true,
            href: `/${font}`,
          }
          tags.push({ tag: 'link', attrs, injectTo: 'head' })
        }
        return tags
      },
    },
  }
}

interface LockedPackage {
  readonly version?: string
  readonly license?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly peer?: boolean
}

/** The licence texts of everything that ships with the console, as their licences ask. */
export function thirdPartyNotices(root: string): Plugin {
  return {
    name: 'third-party-notices',
    apply: 'build',
    generateBundle() {
      const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
        packages: Record<string, LockedPackage>
      }
      const texts = Object.entries(lock.packages).flatMap(([place, entry]) => {
        if (place === '' || entry.dev === true || entry.optional === true || entry.peer === true) return []
        const directory = path.join(root, place)
        const file = readdirSync(directory).find((name) => /^(licen[cs]e|copying)/i.test(name))
        const text = file === undefined ? '' : readFileSync(path.join(directory, file), 'utf8').trim()
        const name = place.replace(/^.*node_modules\//, '')
        return [`${name} ${entry.version ?? ''} (${entry.license ?? 'see below'})\n\n${text}\n`]
      })
      this.emitFile({
        type: 'asset',
        fileName: 'third-party.txt',
        source: texts.join(`\n${'-'.repeat(72)}\n\n`),
      })
    },
  }
}
