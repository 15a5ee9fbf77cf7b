import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { i18n, setLanguage } from '../src/messages'
import SignIn from '../src/pages/SignIn.vue'
import { router } from '../src/router'
import { forgetSession, user } from '../src/state/session'
import { FakeServer, USER } from './support/fakeServer'

describe('signing in', () => {
  let server: FakeServer

  beforeEach(() => {
    setLanguage('zh')
    server = new FakeServer()
    server.install()
  })

  async function opened(query: Record<string, string> = {}) {
    await router.push({ name: 'signIn', query })
    const page = mount(SignIn, { global: { plugins: [i18n, router] } })
    await flushPromises()
    return page
  }
  async function enter(page: Awaited<ReturnType<typeof opened>>, password: string): Promise<void> {
    await page.get('#login').setValue('lin')
    await page.get('#password').setValue(password)
    await page.get('form').trigger('submit')
    await flushPromises()
  }

  it('makes the first administrator where there is none yet', async () => {
    server.empty = true
    const page = await opened()
    await page.get('#code').setValue('1234-abcd')
    await page.get('#first-login').setValue('gu')
    await page.get('#first-password').setValue('a long one')
    await page.get('[data-test=first]').trigger('submit')
    await flushPromises()
    expect(server.requests.find((request) => request.path === 'session/first')?.body).toEqual({
      code: '1234-abcd', name: '', login: 'gu', password: 'a long one',
    })
    expect(user.value?.id).toBe(USER.id)
    forgetSession()
  })

  it('says that the password was wrong, and forgets it', async () => {
    const page = await opened()
    await enter(page, 'wrong')
    expect(page.get('[role=alert]').text()).toContain('用户名或密码不对')
    expect((page.get('#password').element as HTMLInputElement).value).toBe('')
    expect(user.value).toBeNull()
  })

  it('leads on to where somebody wanted to go, but never to another site', async () => {
    for (const [to, path] of [['/tickets/4', '/tickets/4'], ['//elsewhere.example/', '/'], ['https://elsewhere.example', '/']]) {
      const page = await opened({ to: to ?? '' })
      const push = vi.spyOn(router, 'push').mockResolvedValue(undefined)
      await enter(page, 'correct')
      expect(push).toHaveBeenLastCalledWith(path)
      push.mockRestore()
      forgetSession()
      page.unmount()
    }
  })
})
