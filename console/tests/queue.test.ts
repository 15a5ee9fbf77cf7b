import { describe, expect, it } from 'vitest'
import { counting, currentValue, grade, sameValue } from '../src/evidence/confidence'
import { inOrder, nextAfter } from '../src/evidence/queue'
import { draft, field } from './support/fakeServer'

describe('the order of drafts', () => {
  const old = draft({ id: 1, created: '2026-11-20T01:00:00Z' })
  const young = draft({ id: 2, created: '2026-11-20T02:00:00Z' })
  const high = draft({ id: 3, priority: 2, urgency: 'high', created: '2026-11-20T02:30:00Z' })
  const danger = draft({ id: 4, priority: 1, urgency: 'emergency', created: '2026-11-20T02:45:00Z' })

  it('is danger, priority, then who has waited longest', () => {
    expect(inOrder([young, old, danger, high]).map((each) => each.id)).toEqual([4, 3, 1, 2])
  })

  it('leads on to the next draft, and around at the end', () => {
    expect(nextAfter([young, old, danger, high], 3)?.id).toBe(1)
    expect(nextAfter([young, old, danger, high], 2)?.id).toBe(4)
    expect(nextAfter([old], 1)).toBeUndefined()
    expect(nextAfter([young, old], 99)?.id).toBe(1)
  })
})

describe('of several findings', () => {
  it("an agent's counts before a surer machine's; what was taken away does not", () => {
    const sure = field({ id: 1, name: 'phone', value: '1', confidence: 0.99 })
    const corrected = field({ id: 2, name: 'phone', value: '2', corrected_value: '3', corrected_at: '2026-11-20T02:00:00Z', confidence: 0.2 })
    expect(currentValue(counting([sure, corrected], 'phone'))).toBe('3')
    expect(currentValue(counting([sure, { ...corrected, removed: true }], 'phone'))).toBe('1')
    expect(currentValue(counting([], 'phone'))).toBe('')
  })

  it('may say the same telephone number in other ways', () => {
    expect(sameValue('phone', '+86 138-0013-8000', '13800138000')).toBe(true)
    expect(sameValue('phone', '8613800138000', '13800138000')).toBe(true)
    expect(sameValue('phone', '13800138001', '13800138000')).toBe(false)
    expect(sameValue('phone', '86123456', '123456')).toBe(false)
    expect(sameValue('device', '空调', '空调 ')).toBe(true)
  })

  it('have three grades', () => {
    expect([0.2, 0.6, 0.84, 0.85].map(grade)).toEqual(['low', 'fair', 'fair', 'sure'])
  })
})
