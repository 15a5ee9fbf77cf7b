import { defineConfig } from 'vite'

// The public form's map: one script and one style, beside the form's own, so that the form needs nothing of the console.
export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2020',
    outDir: '../connectors/webform/static',
    emptyOutDir: false,
    assetsInlineLimit: 16384,
    lib: { entry: 'map/map.ts', formats: ['iife'], name: 'hotlineMap', fileName: () => 'map.js', cssFileName: 'map' },
    rolldownOptions: { output: { postBanner: '/*! With Leaflet 1.9.4, (c) Volodymyr Agafonkin, CloudMade; BSD-2-Clause, leafletjs.com */' } },
  },
})
