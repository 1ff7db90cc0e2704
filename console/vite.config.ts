import path from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'
import { preloadFirstScreen, thirdPartyNotices } from './build/plugins.ts'

// Development talks to a running server; in production the console is served by it.
const backend = process.env.WATCHFIRE_URL ?? 'http://127.0.0.1:7766'
// The server asks whether a page is its own: the address the browser asked for stays what it is.
const proxy = {
  '/api': { target: backend, changeOrigin: false },
  '^/probe\\?': { target: backend, changeOrigin: false },
  '/-': { target: backend, changeOrigin: false },
  '/tempo': { target: backend, changeOrigin: false },
  '/v1': { target: backend, changeOrigin: false },
  '/loki': { target: backend, changeOrigin: false, ws: true },
}

export default defineConfig({
  plugins: [
    react(),
    preloadFirstScreen('pages/machine/MachinePage.tsx'),
    thirdPartyNotices(import.meta.dirname),
  ],
  resolve: { alias: { '@': path.resolve(import.meta.dirname, 'src') } },
  server: { proxy },
  preview: { proxy },
  build: { target: 'es2023', sourcemap: false, assetsInlineLimit: 2048, manifest: true },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], environment: 'node' },
})
