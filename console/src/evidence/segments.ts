/**
 * A source text cut into pieces, so that fields and spoken words can be shown and clicked in it.
 *
 * The server counts offsets in code points (as Python does); a JavaScript string counts UTF-16 units, so the text is
 * split into code points first. Spans may overlap and may be wrong; they are cut to the text.
 */

import type { CallWord, TicketField } from '../api/types'

export interface Segment {
  text: string
  /** Ids of the fields that this piece is evidence of, the shortest span first. */
  fields: number[]
  /** Index of the spoken word this piece belongs to. */
  word: number | undefined
}

export interface Span {
  start: number
  end: number
}

export function segments(text: string, fields: TicketField[], words: CallWord[]): Segment[] {
  const points = Array.from(text)
  const marks = fields
    .map((field) => ({ id: field.id, span: cut(field.start, field.end, points.length) }))
    .filter((mark): mark is { id: number; span: Span } => mark.span !== undefined)
    .sort((a, b) => a.span.end - a.span.start - (b.span.end - b.span.start))
  const spoken = wordSpans(points, words)
  const edges = new Set([0, points.length])
  for (const { span } of marks) edges.add(span.start).add(span.end)
  for (const span of spoken) if (span) edges.add(span.start).add(span.end)
  const order = [...edges].sort((a, b) => a - b)
  const made: Segment[] = []
  for (let i = 0; i + 1 < order.length; i++) {
    const start = order[i] ?? 0
    const end = order[i + 1] ?? start
    const inside = (span: Span | undefined): boolean => span !== undefined && span.start <= start && span.end >= end
    const word = spoken.findIndex(inside)
    made.push({
      text: points.slice(start, end).join(''),
      fields: marks.filter((mark) => inside(mark.span)).map((mark) => mark.id),
      word: word < 0 ? undefined : word,
    })
  }
  return made
}

/** Where each word stands in the text: at its offset, or, without one, at its next appearance. */
export function wordSpans(points: string[], words: CallWord[]): (Span | undefined)[] {
  const text = points.join('')
  let unit = 0
  let point = 0
  return words.map((word) => {
    const length = Array.from(word[0]).length
    if (typeof word[4] === 'number') return cut(word[4], word[4] + length, points.length)
    const found = text.indexOf(word[0], unit)
    if (found < 0 || length === 0) return undefined
    point += Array.from(text.slice(unit, found)).length
    const span = { start: point, end: point + length }
    unit = found + word[0].length
    point += length
    return span
  })
}

/** The word that is heard at a time of the recording (ms), if any. */
export function wordAt(words: CallWord[], ms: number): number | undefined {
  const index = words.findIndex((word) => word[1] <= ms && ms < word[2])
  return index < 0 ? undefined : index
}

function cut(start: number | null, end: number | null, length: number): Span | undefined {
  if (start === null || end === null || start === undefined || end === undefined) return undefined
  const from = Math.max(0, Math.min(start, length))
  const to = Math.max(0, Math.min(end, length))
  return from < to ? { start: from, end: to } : undefined
}
