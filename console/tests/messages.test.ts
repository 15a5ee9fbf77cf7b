import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import en from '../src/messages/en.json'
import zh from '../src/messages/zh.json'

type Tree = { [name: string]: string | Tree }

function flat(tree: Tree, before = ''): Record<string, string> {
  return Object.assign(
    {},
    ...Object.entries(tree).map(([name, value]) =>
      typeof value === 'string' ? { [before + name]: value } : flat(value, `${before}${name}.`),
    ),
  ) as Record<string, string>
}

const chinese = flat(zh)
const english = flat(en)
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(vue|ts)$/.test(name) && !name.endsWith('element.d.ts'))
  .map((name) => ({ name, text: readFileSync(join('src', name), 'utf8') }))

describe('messages', () => {
  it('are the same in both languages', () => {
    expect(Object.keys(english).sort()).toEqual(Object.keys(chinese).sort())
  })

  it('take the same values in both languages', () => {
    const values = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort()
    for (const [key, text] of Object.entries(chinese)) expect(values(english[key] ?? ''), key).toEqual(values(text))
  })

  it('are there for every key that the source names', () => {
    const used = sources.flatMap(({ text }) => [...text.matchAll(/\bt\(\s*'([\w.]+)'/g)].map((match) => match[1] ?? ''))
    expect(used.length).toBeGreaterThan(100)
    expect(used.filter((key) => !(key in chinese))).toEqual([])
  })

  it('are all the Chinese there is: none stands in the source', () => {
    const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    const exempt = new Set(['parts/LanguageSwitch.vue'])
    const found = sources.filter(({ name, text }) => !exempt.has(name) && /\p{Script=Han}/u.test(code(text)))
    expect(found.map(({ name }) => name)).toEqual([])
  })
})

describe('the source', () => {
  it('never puts text into the page as HTML', () => {
    expect(sources.filter(({ text }) => /v-html|innerHTML|outerHTML|insertAdjacentHTML|dangerouslyUse/.test(text))).toEqual([])
  })

  it('stays in small files', () => {
    const words = ['messages/zh.json', 'messages/en.json'].map((name) => ({ name, text: readFileSync(join('src', name), 'utf8') }))
    expect([...sources, ...words].filter(({ text }) => text.split('\n').length > 500).map(({ name }) => name)).toEqual([])
  })
})
