/**
 * The live feed: says that something changed; the state itself is always read from the API.
 *
 * Items are numbered per topic. After a gap in the numbers, a new connection or a long sleep of the machine, every
 * listener is told `null`: what it shows may be old, read again. So it is when the server says `resync`.
 */

export interface LiveItem {
  topic: string
  number: number
  [name: string]: unknown
}

/** How many calls the server lets one screen follow. */
const FOLLOWED = 20
/** The server's close code for a session that is over. */
const SIGNED_OUT = 4401

export type Listener = (item: LiveItem | null) => void

interface Socket {
  readyState: number
  onopen: ((event: Event) => void) | null
  onclose: ((event: CloseEvent) => void) | null
  onmessage: ((event: MessageEvent) => void) | null
  send(text: string): void
  close(): void
}

export class LiveFeed {
  private socket: Socket | undefined
  private readonly listeners = new Map<string, Set<Listener>>()
  private readonly numbers = new Map<string, number>()
  private failures = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private wanted = false

  /** `open` makes a socket; `changed` hears whether the feed is connected, `signedOut` that the server ended the session. */
  constructor(
    private readonly open: () => Socket,
    private readonly changed: (connected: boolean) => void = () => {},
    private readonly signedOut: () => void = () => {},
  ) {}

  start(): void {
    if (this.wanted) return
    this.wanted = true
    this.connect()
  }

  stop(): void {
    this.wanted = false
    clearTimeout(this.timer)
    this.socket?.close()
    this.socket = undefined
    this.numbers.clear()
    this.changed(false)
  }

  /** Hears a topic ("tickets", "calls", "call:ID") until the returned function is called. */
  listen(topic: string, listener: Listener): () => void {
    const known = this.listeners.get(topic) ?? new Set()
    known.add(listener)
    this.listeners.set(topic, known)
    if (topic.startsWith('call:')) this.subscribe([topic])
    return () => {
      known.delete(listener)
      if (known.size > 0) return
      this.listeners.delete(topic)
      if (topic.startsWith('call:')) this.send({ unsubscribe: [topic] })
    }
  }

  private connect(): void {
    const socket = this.open()
    this.socket = socket
    socket.onopen = () => {
      this.failures = 0
      this.changed(true)
      this.numbers.clear()
      this.subscribe([...this.listeners.keys()].filter((topic) => topic.startsWith('call:')))
      this.tellAll()
    }
    socket.onmessage = (event) => this.receive(String(event.data))
    socket.onclose = (event) => {
      if (this.socket !== socket) return
      this.changed(false)
      if (event.code === SIGNED_OUT) {
        this.wanted = false
        this.signedOut()
      } else {
        this.retry()
      }
    }
  }

  private retry(): void {
    if (!this.wanted) return
    const seconds = Math.min(30, 2 ** this.failures)
    this.failures += 1
    this.timer = setTimeout(() => this.connect(), seconds * 1000 * (0.75 + Math.random() / 2))
  }

  /** Calls beyond the server's limit are not followed live; their turns come with the next reading. */
  private subscribe(topics: string[]): void {
    const followed = [...this.listeners.keys()].filter((topic) => topic.startsWith('call:')).slice(0, FOLLOWED)
    const wanted = topics.filter((topic) => followed.includes(topic))
    if (wanted.length > 0) this.send({ subscribe: wanted })
  }

  private send(wish: Record<string, string[]>): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(wish))
  }

  private receive(text: string): void {
    let item: LiveItem
    try {
      item = JSON.parse(text) as LiveItem
    } catch {
      return
    }
    if (typeof item?.topic !== 'string') return
    if (item.topic === 'resync') {
      this.tellAll()
      return
    }
    const last = this.numbers.get(item.topic)
    const gap = typeof item.number === 'number' && last !== undefined && item.number !== last + 1
    if (typeof item.number === 'number') this.numbers.set(item.topic, item.number)
    for (const listener of this.listeners.get(item.topic) ?? []) {
      if (gap) listener(null)
      listener(item)
    }
  }

  private tellAll(): void {
    for (const listeners of this.listeners.values()) for (const listener of listeners) listener(null)
  }
}
