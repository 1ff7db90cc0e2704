import path from 'node:path'
import react from '@vitejs/plugin-react'
import type { HtmlTagDescriptor, Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

// Development talks to a running server; in production the console is served by it.
const backend = process.env.WATCHFIRE_URL ?? 'http://127.0.0.1:7766'

/**
 * Lets the browser fetch the first screen and the text font beside the entry script, instead of after it ran. The
 * screen is a chunk of its own, and without a hint its fetch would wait for React to start.
 */
function preloadFirstScreen(screen: string): Plugin {
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
        const font = Object.keys(bundle).find((file) => /inter-latin.*\.woff2$/.test(file))
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

export default defineConfig({
  plugins: [react(), preloadFirstScreen('pages/machine/MachinePage.tsx')],
  resolve: { alias: { '@': path.resolve(import.meta.dirname, 'src') } },
  server: { proxy: { '/api': backend, '/-': backend } },
  preview: { proxy: { '/api': backend, '/-': backend } },
  build: { target: 'es2023', sourcemap: false, assetsInlineLimit: 2048, manifest: true },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], environment: 'node' },
})
