import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LiveFeed, type LiveItem } from '../src/api/live'
import { FakeSocket } from './support/fakeServer'

describe('the live feed', () => {
  let sockets: FakeSocket[]
  let feed: LiveFeed
  let states: boolean[]

  beforeEach(() => {
    vi.useFakeTimers()
    sockets = []
    states = []
    feed = new LiveFeed(
      () => {
        const socket = new FakeSocket()
        sockets.push(socket)
        return socket
      },
      (connected) => states.push(connected),
    )
  })
  afterEach(() => vi.useRealTimers())

  const open = (): FakeSocket => {
    const socket = sockets.at(-1)
    if (!socket) throw new Error('no socket was opened')
    socket.onopen?.(new Event('open'))
    return socket
  }

  it('asks to read again when it connects, and passes items on', () => {
    const heard: (LiveItem | null)[] = []
    feed.listen('tickets', (item) => heard.push(item))
    feed.start()
    const socket = open()
    socket.receive({ topic: 'tickets', number: 4, ticket: 1 })
    socket.receive({ topic: 'calls', number: 9 })
    expect(heard.map((item) => item?.ticket ?? null)).toEqual([null, 1])
    expect(states).toEqual([true])
  })

  it('asks to read again after a gap in the numbers of the topic', () => {
    const heard: (LiveItem | null)[] = []
    feed.start()
    const socket = open()
    feed.listen('tickets', (item) => heard.push(item))
    for (const number of [4, 5, 8, 9]) socket.receive({ topic: 'tickets', number })
    expect(heard.map((item) => item?.number ?? null)).toEqual([4, 5, null, 8, 9])
  })

  it('connects again, ever more slowly, and asks to read again', () => {
    const heard: (LiveItem | null)[] = []
    feed.listen('tickets', (item) => heard.push(item))
    feed.start()
    open().close()
    expect(states).toEqual([true, false])
    vi.advanceTimersByTime(700)
    expect(sockets).toHaveLength(1)
    vi.advanceTimersByTime(600)
    expect(sockets).toHaveLength(2)
    sockets[1]?.close()
    vi.advanceTimersByTime(1400)
    expect(sockets).toHaveLength(2)
    vi.advanceTimersByTime(1200)
    expect(sockets).toHaveLength(3)
    open()
    expect(heard).toEqual([null, null])
  })

  it('subscribes to a call again after it was cut off', () => {
    feed.start()
    const socket = open()
    feed.listen('call:s1', () => {})
    expect(socket.sent).toEqual([{ subscribe: ['call:s1'] }])
    socket.close()
    vi.advanceTimersByTime(1300)
    expect(open().sent).toEqual([{ subscribe: ['call:s1'] }])
  })

  it('stays silent after it was stopped, and survives rubbish', () => {
    feed.start()
    const socket = open()
    socket.receive('no json')
    socket.receive('null')
    socket.receive({ number: 1 })
    feed.stop()
    vi.advanceTimersByTime(60_000)
    expect(sockets).toHaveLength(1)
  })
})
