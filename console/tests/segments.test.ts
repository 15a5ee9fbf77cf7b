import { describe, expect, it } from 'vitest'
import type { CallWord } from '../src/api/types'
import { segments, wordAt, wordSpans } from '../src/evidence/segments'
import { field } from './support/fakeServer'

const at = (id: number, start: number | null, end: number | null) => field({ id, name: 'device', value: '', start, end })

describe('segments', () => {
  it('cuts the text at the edges of fields and loses nothing', () => {
    const made = segments('家里空调不制冷了', [at(1, 2, 4), at(2, 4, 7)], [])
    expect(made.map((piece) => [piece.text, piece.fields])).toEqual([['家里', []], ['空调', [1]], ['不制冷', [2]], ['了', []]])
  })

  it('counts code points, not UTF-16 units', () => {
    const made = segments('😀𠮷空调坏了', [at(1, 2, 4)], [])
    expect(made.find((piece) => piece.fields.includes(1))?.text).toBe('空调')
  })

  it('names the shortest of overlapping fields first', () => {
    const made = segments('格力空调不制冷', [at(1, 0, 7), at(2, 2, 4)], [])
    expect(made.find((piece) => piece.text === '空调')?.fields).toEqual([2, 1])
  })

  it('survives spans that are empty, reversed or outside', () => {
    const made = segments('空调', [at(1, 1, 1), at(2, 2, 1), at(3, -5, 99), at(4, null, null), at(5, 40, 50)], [])
    expect(made.map((piece) => piece.text).join('')).toBe('空调')
    expect(made.flatMap((piece) => piece.fields)).toEqual([3])
  })

  it('joins words with fields', () => {
    const words: CallWord[] = [['我家', 0, 300, 0.9, 0], ['空调', 300, 700, 0.9, 2], ['坏了', 700, 900, 0.9, 4]]
    const made = segments('我家空调坏了', [at(1, 2, 6)], words)
    expect(made.map((piece) => [piece.text, piece.word, piece.fields])).toEqual([['我家', 0, []], ['空调', 1, [1]], ['坏了', 2, [1]]])
  })
})

describe('words', () => {
  it('are found in order where they carry no offset', () => {
    const spans = wordSpans(Array.from('好的 好的 空调'), [['好的', 0, 1], ['好的', 1, 2], ['没有', 2, 3], ['空调', 3, 4]])
    expect(spans).toEqual([{ start: 0, end: 2 }, { start: 3, end: 5 }, undefined, { start: 6, end: 8 }])
  })

  it('are heard between their start and their end', () => {
    const words: CallWord[] = [['一', 100, 200], ['二', 250, 400]]
    expect([50, 100, 199, 220, 399, 400].map((ms) => wordAt(words, ms))).toEqual([undefined, 0, 0, undefined, 1, undefined])
  })
})
