// What a first visit to This machine downloads, gzip-compressed as the server sends it. Fails over budget.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const budgetBytes = 400_000
const dist = new URL('../dist/', import.meta.url)
const read = (name) => readFileSync(new URL(name, dist))

let manifest
try {
  manifest = JSON.parse(read('.vite/manifest.json').toString())
} catch {
  console.error('size: no dist/.vite/manifest.json; run `npm run build` first')
  process.exit(2)
}

const files = new Set(['index.html', 'theme.js', 'favicon.svg'])
const seen = new Set()

function take(key) {
  if (seen.has(key)) return
  seen.add(key)
  const entry = manifest[key]
  if (entry === undefined) throw new Error(`size: ${key} is not in the manifest`)
  files.add(entry.file)
  for (const css of entry.css ?? []) files.add(css)
  for (const asset of entry.assets ?? []) files.add(asset)
  for (const key of entry.imports ?? []) take(key)
}

take('index.html')
take('src/pages/machine/MachinePage.tsx')

// A visit fetches the words of its screens in one language; counted are those of the larger.
const packed = (name) => gzipSync(read(name), { level: 9 }).length
for (const section of ['index', 'machine']) {
  const words = ['en', 'zh'].map((language) => `src/i18n/${language}/${section}.ts`)
  words.sort((a, b) => packed(manifest[b].file) - packed(manifest[a].file))
  take(words[0])
}

// Fonts are compressed already, and the monospaced one is fetched only where it is used: on the first page it is not
// needed for the text in view, yet it is counted, because a palette or a process list asks for it.
const rows = [...files].map((name) => {
  const bytes = read(name)
  return { name, size: name.endsWith('.woff2') ? bytes.length : packed(name) }
})
rows.sort((a, b) => b.size - a.size)
const total = rows.reduce((sum, row) => sum + row.size, 0)
for (const { name, size } of rows) console.log(`${(size / 1000).toFixed(1).padStart(8)} kB  ${name}`)
console.log(`${(total / 1000).toFixed(1).padStart(8)} kB  in all, of ${budgetBytes / 1000} kB`)
if (total > budgetBytes) {
  console.error('size: over budget')
  process.exit(1)
}
