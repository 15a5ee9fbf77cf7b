import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { i18n, setLanguage } from '../src/messages'
import Inbox from '../src/pages/Inbox.vue'
import { router } from '../src/router'
import { signIn, signOut } from '../src/state/session'
import { draft, FakeServer } from './support/fakeServer'

describe('the inbox', () => {
  let server: FakeServer

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    setLanguage('zh')
    server = new FakeServer()
    server.install()
    await signIn('lin', 'correct')
  })
  afterEach(async () => {
    server.down = false
    await signOut()
    vi.useRealTimers()
  })

  async function opened() {
    const page = mount(Inbox, { global: { plugins: [i18n, router] }, attachTo: document.body })
    await settle()
    return page
  }
  async function settle(): Promise<void> {
    await flushPromises()
    await vi.advanceTimersByTimeAsync(400)
    await flushPromises()
  }
  const summaries = (page: Awaited<ReturnType<typeof opened>>): string[] => page.findAll('.summary').map((each) => each.text())

  it('says that nothing waits, and shows a draft as soon as it comes', async () => {
    const page = await opened()
    expect(page.get('[data-test=empty]').text()).toContain('没有待审的草稿')
    server.add(draft({ id: 1, summary: '空调不制冷', missing: ['phone', 'address'] }))
    await settle()
    expect(summaries(page)).toEqual(['空调不制冷'])
    expect(page.get('.missing').text()).toBe('缺：电话、地址')
    page.unmount()
  })

  it('puts danger on top, in either language', async () => {
    server.add(draft({ id: 1, summary: '空调不制冷' }))
    server.add(draft({ id: 2, summary: '燃气漏气', urgency: 'emergency', priority: 1, created: '2026-11-20T03:00:00Z' }))
    const page = await opened()
    expect(summaries(page)).toEqual(['燃气漏气', '空调不制冷'])
    expect(page.get('.urgency').text()).toBe('紧急')
    setLanguage('en')
    await settle()
    expect(page.get('.urgency').text()).toBe('Emergency')
    expect(page.get('h1').text()).toBe('Drafts to review')
    page.unmount()
  })

  it('is walked and opened with keys', async () => {
    for (const id of [1, 2, 3]) server.add(draft({ id, created: `2026-11-20T0${id}:00:00Z` }))
    const page = await opened()
    const push = vi.spyOn(router, 'push')
    for (const key of ['j', 'j', 'j', 'k', 'Enter']) document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
    expect(push).toHaveBeenLastCalledWith({ name: 'review', params: { id: 2 } })
    push.mockRestore()
    page.unmount()
  })

  it('reads again when it missed something', async () => {
    const page = await opened()
    server.publish({ topic: 'tickets', kind: 'ticket.claimed', ticket: 9 })
    await settle()
    server.tickets.set(5, draft({ id: 5, summary: '没有人说起的一份' }))
    server.lose()
    server.sockets.at(-1)?.close()
    await vi.advanceTimersByTimeAsync(2000)
    await settle()
    expect(summaries(page)).toEqual(['没有人说起的一份'])
    page.unmount()
  })

  it('says what is wrong, offers to try again, and then shows the list', async () => {
    server.down = true
    const page = await opened()
    expect(page.get('[data-test=error]').text()).toContain('连不上服务器')
    server.down = false
    server.tickets.set(1, draft({ id: 1 }))
    await page.get('[data-test=error] button').trigger('click')
    await settle()
    expect(summaries(page)).toEqual(['空调不制冷'])
    server.down = true
    server.publish({ topic: 'tickets', ticket: 1 })
    await settle()
    expect(summaries(page)).toEqual(['空调不制冷'])
    page.unmount()
  })
})
