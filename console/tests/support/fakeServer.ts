/**
 * A server in memory that speaks the API's protocol as far as reviewing drafts needs it: sessions by cookie, the CSRF
 * header, versions, required fields, errors in their one form, and the numbered live feed.
 */

import type { Entry, Form, Ticket, TicketField, User } from '../../src/api/types'

export const FORM: Form = {
  service: 'repair',
  title: { zh: '报修', en: 'Repair' },
  fields: [
    { name: 'phone', label: { zh: '联系电话', en: 'Phone' }, type: 'phone', required: true },
    { name: 'address', label: { zh: '服务地址', en: 'Address' }, type: 'address', required: true },
    { name: 'device', label: { zh: '设备', en: 'Device' }, type: 'text', required: true },
  ],
}

export const USER: User = {
  id: 7,
  login: 'lin',
  name: '林小满',
  role: 'agent',
  language: 'zh',
  permissions: ['ticket.read', 'ticket.review', 'recording.listen'],
}

export function field(given: Partial<TicketField> & { id: number; name: string; value: string }): TicketField {
  return {
    label: {}, current: given.corrected_value ?? given.value, surface: given.value, confidence: 0.9, component: 'crf',
    message_id: 'm1', start: null, end: null, audio_start: null, audio_end: null, resolved: null, candidates: [],
    corrected_value: null, corrected_by: null, corrected_at: null, removed: false, ...given,
  }
}

export function entry(given: Partial<Entry> & { text: string }): Entry {
  return {
    id: 1, ticket_id: 1, kind: 'message', author: 'customer', author_name: '', channel: 'form', message_id: 'm1',
    attachments: [], words: [], recording_url: null, place: null, reason: '', delivery: '', at: '2026-11-20T02:00:00Z', ...given,
  }
}

export function draft(given: Partial<Ticket> & { id: number }): Ticket {
  return {
    number: `HT261120-000${given.id}`, version: 1, state: 'draft', service: 'repair', intents: [], urgency: 'normal',
    sentiment: 'neutral', priority: 3, summary: '空调不制冷', missing: [], channel: 'form', created: '2026-11-20T02:00:00Z',
    confirmed: null, closed: null, customer: null, assignee: null, reviewer: null, brief: {}, asset: null, parent_id: null,
    merged_into: null, merged: [], reason: '', masked: false, fields: [], entries: [], duplicates: [], perhaps_same: [], unread: false, wish: null, wish_entry: null,
    actions: ['confirm', 'discard', 'fields', 'note'], ...given,
  }
}

type Answer = [status: number, content: unknown]

function problem(status: number, error: string, details: Record<string, unknown> = {}): Answer {
  return [status, { error, message: error, details }]
}

export class FakeServer {
  readonly tickets = new Map<number, Ticket>()
  readonly requests: { method: string; path: string; body: unknown }[] = []
  readonly sockets: FakeSocket[] = []
  signedIn = false
  /** Nobody can sign in yet. */
  empty = false
  down = false
  private number = 0

  install(): void {
    globalThis.fetch = (input, init) => this.fetch(new Request(input as string, init))
    const open = (): FakeSocket => this.socket()
    // An arrow function cannot be called with `new`.
    globalThis.WebSocket = function Socket() {
      return open()
    } as unknown as typeof WebSocket
  }

  add(ticket: Ticket): void {
    this.tickets.set(ticket.id, ticket)
    this.publish({ topic: 'tickets', kind: 'ticket.drafted', ticket: ticket.id })
  }

  publish(item: Record<string, unknown>): void {
    this.number += 1
    for (const socket of this.sockets) socket.receive({ ...item, number: this.number })
  }

  /** An item that nobody gets. */
  lose(): void {
    this.number += 1
  }

  private socket(): FakeSocket {
    const socket = new FakeSocket()
    this.sockets.push(socket)
    queueMicrotask(() => socket.onopen?.(new Event('open')))
    return socket
  }

  private async fetch(request: Request): Promise<Response> {
    if (this.down) throw new TypeError('Failed to fetch')
    const path = new URL(request.url).pathname.replace(/^.*\/api\/v1\//, '')
    const text = request.method === 'GET' ? '' : await request.text()
    const body = (text ? JSON.parse(text) : undefined) as Record<string, unknown> | undefined
    this.requests.push({ method: request.method, path, body })
    const [status, content] = this.answer(request, path, body)
    return new Response(JSON.stringify(content), { status, headers: { 'Content-Type': 'application/json' } })
  }

  private answer(request: Request, path: string, body: Record<string, unknown> | undefined): Answer {
    if (request.method !== 'GET' && !request.headers.has('X-Hotline')) return problem(403, 'forbidden')
    if (path === 'session/first') return this.first()
    if (path === 'session') return this.session(request.method, body)
    if (!this.signedIn) return problem(401, 'not_signed_in')
    if (path === 'forms') return [200, { items: [FORM] }]
    if (path === 'tickets/counts') return [200, { draft: this.drafts(request.url).length }]
    if (path === 'tickets') return [200, { items: this.drafts(request.url), next: null, total: 0 }]
    const [, id, action] = /^tickets\/(\d+)(?:\/(.+))?$/.exec(path) ?? []
    const ticket = this.tickets.get(Number(id))
    if (!ticket) return problem(404, 'not_found')
    if (action === undefined) return [200, structuredClone(ticket)]
    if (action === 'confirm' || action === 'fields') return this.change(ticket, action, body ?? {})
    return problem(404, 'not_found')
  }

  private session(method: string, body: Record<string, unknown> | undefined): Answer {
    if (method === 'POST') this.signedIn = body?.login === USER.login && body.password === 'correct'
    else if (method === 'DELETE') this.signedIn = false
    if (method === 'DELETE') return [200, { ok: true }]
    const details = this.empty ? { first_administrator: true } : {}
    return this.signedIn ? [200, { user: USER }] : problem(401, 'not_signed_in', details)
  }

  private first(): Answer {
    if (!this.empty) return problem(409, 'conflict')
    this.signedIn = true
    this.empty = false
    return [201, { user: USER }]
  }

  private drafts(url: string): Ticket[] {
    const query = new URL(url).searchParams
    return [...this.tickets.values()].filter((ticket) =>
      ['state', 'channel', 'urgency', 'service'].every((name) => {
        const wanted = query.get(name)
        return !wanted || ticket[name as 'state'] === wanted
      }),
    )
  }

  private change(ticket: Ticket, action: string, body: Record<string, unknown>): Answer {
    if (body.version !== ticket.version) return problem(409, 'conflict', { version: ticket.version })
    const values = (body.fields ?? {}) as Record<string, string | null>
    const given = (name: string): string => values[name] ?? ticket.fields.find((each) => each.name === name)?.current ?? ''
    const missing = FORM.fields.filter((each) => each.required && !given(each.name)).map((each) => each.name)
    if (action === 'confirm' && missing.length > 0 && body.incomplete !== true) return problem(422, 'invalid', { missing })
    for (const [name, value] of Object.entries(values)) this.correct(ticket, name, value)
    ticket.version += 1
    if (action === 'confirm') ticket.state = 'open'
    return [200, structuredClone(ticket)]
  }

  /** A colleague's change from elsewhere. */
  correct(ticket: Ticket, name: string, value: string | null): void {
    const found = ticket.fields.find((each) => each.name === name)
    if (!found) {
      ticket.fields.push(field({ id: 900 + ticket.fields.length, name, value: value ?? '', component: 'agent' }))
    } else if (value === null) {
      found.removed = true
    } else {
      Object.assign(found, { corrected_value: value, current: value, corrected_at: '2026-11-20T03:00:00Z' })
    }
  }
}

export class FakeSocket {
  readyState = 1
  onopen: ((event: Event) => void) | null = null
  onclose: ((event: CloseEvent) => void) | null = null
  onmessage: ((event: MessageEvent) => void) | null = null
  readonly sent: unknown[] = []

  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }

  receive(item: unknown): void {
    this.onmessage?.(new MessageEvent('message', { data: typeof item === 'string' ? item : JSON.stringify(item) }))
  }

  close(): void {
    this.readyState = 3
    this.onclose?.(new Event('close') as CloseEvent)
  }
}
