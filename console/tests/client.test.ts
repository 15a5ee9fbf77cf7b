import { beforeEach, describe, expect, it } from 'vitest'
import { api, ApiError, apiUrl, whenSignedOut } from '../src/api/client'
import { captions } from '../src/state/captions'
import { problemText } from '../src/state/problems'
import { setLanguage } from '../src/messages'
import { FakeServer } from './support/fakeServer'

describe('the client', () => {
  let server: FakeServer

  beforeEach(() => {
    server = new FakeServer()
    server.install()
    setLanguage('zh')
  })

  it('leaves empty query values out and escapes the others', () => {
    const url = new URL(apiUrl('tickets', { q: '空调 &x', state: '', cursor: undefined, limit: 5 }))
    expect([...url.searchParams]).toEqual([['q', '空调 &x'], ['limit', '5']])
  })

  it('tells once the session is over, but not for a wrong password', async () => {
    let told = 0
    whenSignedOut(() => (told += 1))
    await expect(api.post('session', { login: 'lin', password: 'wrong' })).rejects.toMatchObject({ status: 401 })
    expect(told).toBe(0)
    await expect(api.get('tickets')).rejects.toMatchObject({ status: 401, code: 'not_signed_in' })
    expect(told).toBe(1)
  })

  it('turns an answer that is no JSON into an error with its status', async () => {
    globalThis.fetch = () => Promise.resolve(new Response('<html>bad gateway</html>', { status: 502 }))
    await expect(api.get('tickets')).rejects.toMatchObject({ status: 502, code: 'error' })
  })

  it('has words for problems in both languages', () => {
    const stale = new ApiError(409, 'conflict', 'x', { version: 4 })
    const invalid = new ApiError(422, 'invalid', 'x', { missing: ['phone', 'address'] })
    expect([problemText(stale), problemText(invalid)]).toEqual(['别人刚刚改过，请看过最新内容后再试。', '有内容不能接受 (电话, 地址)'])
    setLanguage('en')
    expect(problemText(invalid)).toBe('Some values cannot be accepted (Phone, Address)')
    expect(problemText(new ApiError(418, 'teapot', 'A teapot.'))).toBe('A teapot.')
  })
})

describe('captions', () => {
  it('keep what the feed brought beyond what was read, once', () => {
    let read = [{ number: 1, speaker: 'system', text: '您好' }]
    const { turns, partial, hear, renew } = captions(() => read)
    const item = (more: Record<string, unknown>) => ({ topic: 'call:s', number: 1, ...more })
    hear(item({ kind: 'partial', speaker: 'customer', text: '空' }))
    expect(partial.value).toEqual({ speaker: 'customer', text: '空' })
    hear(item({ kind: 'turn', turn: 2, speaker: 'customer', text: '空调坏了' }))
    expect(partial.value).toBeUndefined()
    read = [...read, { number: 2, speaker: 'customer', text: '空调坏了。' }]
    hear(item({ kind: 'turn', turn: 3, speaker: 'system', text: '地址？' }))
    renew()
    expect(turns.value.map((turn) => turn.text)).toEqual(['您好', '空调坏了。', '地址？'])
  })
})
