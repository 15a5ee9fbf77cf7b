import { mount } from '@vue/test-utils'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { TicketField } from '../src/api/types'
import { ownUrl } from '../src/api/tickets'
import { i18n } from '../src/messages'
import EvidenceEntry from '../src/parts/EvidenceEntry.vue'
import EvidenceText from '../src/parts/EvidenceText.vue'
import { signIn } from '../src/state/session'
import { entry, FakeServer, field } from './support/fakeServer'

const TEXT = '<script>alert(1)</script>空调坏了'
const device = field({ id: 3, name: 'device', value: '空调', start: 25, end: 27, confidence: 0.3 })

function text(fields: TicketField[], more: Record<string, unknown> = {}) {
  return mount(EvidenceText, {
    props: { text: TEXT, fields, words: [], selected: undefined, heard: undefined, ...more },
    global: { plugins: [i18n] },
  })
}

describe('the evidence', () => {
  it('shows what a customer wrote as text, never as HTML', () => {
    const shown = text([field({ id: 9, name: 'fault', value: '', start: 0, end: 20 })])
    expect(shown.text()).toBe(TEXT)
    expect(shown.find('script').exists()).toBe(false)
  })

  it('marks a field in its place, flags what is unsure, and says which was clicked', async () => {
    const shown = text([device])
    const mark = shown.get('mark')
    expect([mark.text(), mark.attributes('data-field'), mark.classes()]).toEqual(['空调', 'device', ['low']])
    expect(mark.attributes('title')).toContain('30%')
    await mark.trigger('click')
    expect(shown.emitted('field')).toEqual([[3]])
  })

  it('lights up the word that is heard', () => {
    const words = [['空调', 500, 900, 0.9, 25], ['坏了', 900, 1200, 0.2, 27]]
    const shown = text([device], { words, heard: 1000 })
    expect(shown.get('.word').classes()).toEqual(['word', 'heard', 'unsure'])
    expect(shown.get('mark').classes()).not.toContain('heard')
  })
})

describe('an entry with a recording', () => {
  const play = vi.fn(() => Promise.resolve())

  beforeEach(async () => {
    const server = new FakeServer()
    server.install()
    await signIn('lin', 'correct')
    play.mockClear()
    HTMLMediaElement.prototype.play = play
  })

  function shown() {
    const spoken = field({ id: 3, name: 'device', value: '空调', start: 2, end: 4, audio_start: 500, audio_end: 900 })
    return mount(EvidenceEntry, {
      props: {
        entry: entry({
          text: '我家空调坏了',
          recording_url: '/api/v1/tickets/1/recording?entry=1',
          words: [['我家', 100, 500, 0.9, 0], ['空调', 500, 900, 0.9, 2], ['坏了', 900, 1300, 0.9, 4]],
        }),
        fields: [spoken],
        selected: undefined,
        author: '客户',
      },
      global: { plugins: [i18n] },
    })
  }

  it('plays from where a word is said', async () => {
    const page = shown()
    const audio = page.get('audio').element as HTMLAudioElement
    expect(audio.getAttribute('src')).toContain('/api/v1/tickets/1/recording?entry=1')
    await page.findAll('.word').at(-1)?.trigger('click')
    expect(audio.currentTime).toBeCloseTo(0.7)
    expect(play).toHaveBeenCalledOnce()
  })

  it('plays a field when its mark is clicked, and tells the form', async () => {
    const page = shown()
    await page.get('mark').trigger('click')
    expect((page.get('audio').element as HTMLAudioElement).currentTime).toBeCloseTo(0.3)
    expect(page.emitted('field')).toEqual([[3]])
  })
})

describe('an address that the server names', () => {
  it('is followed only within the server', () => {
    expect(ownUrl('/api/v1/attachments/1/0')).toContain('/api/v1/attachments/1/0')
    expect(ownUrl('https://elsewhere.example/x.png')).toBeUndefined()
    expect(ownUrl('javascript:alert(1)')).toBeUndefined()
    expect(ownUrl(null)).toBeUndefined()
  })
})
