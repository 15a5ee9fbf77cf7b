import vue from '@vitejs/plugin-vue'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import components from 'unplugin-vue-components/vite'
import { defineConfig } from 'vitest/config'

// Relative base: the same build works at /console/ and behind a proxy's prefix.
export default defineConfig({
  base: './',
  plugins: [
    vue(),
    components({
      dirs: [],
      dts: 'src/element.d.ts',
      resolvers: [ElementPlusResolver({ importStyle: 'css' })],
    }),
  ],
  build: { target: 'es2022', chunkSizeWarningLimit: 700 },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8400', ws: true } } },
  test: {
    environment: 'happy-dom',
    include: ['tests/**/*.test.ts'],
    server: { deps: { inline: ['element-plus'] } },
    css: false,
    testTimeout: 20_000, // a first mount compiles half of the console
  },
})
