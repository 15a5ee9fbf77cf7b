/** The records of the HTTP API as the server sends them. Times are ISO 8601, money is whole fen, offsets are code points. */

export type Urgency = 'emergency' | 'high' | 'normal'

export interface Page<T> {
  items: T[]
  next?: string | null
  total?: number
}

export interface User {
  id: number
  login: string
  name: string
  role: string
  language?: string
  permissions?: string[]
  active?: boolean
  team?: string
  regions?: string[]
}

export interface Person {
  id: number
  name: string
}

export interface Identity {
  kind: string
  value: string
  verified?: boolean
}

/** A customer that was joined into another, which counts for both. */
export interface JoinedCustomer {
  id: number
  name: string
  identities: Identity[]
}

/** Another customer who may be the same person, and why. */
export interface PerhapsSame extends JoinedCustomer {
  because: string
}

export interface Customer {
  id: number
  name: string
  phone?: string
  level?: string
  language?: string
  note?: string
  created?: string
  identities?: Identity[]
  perhaps_same?: PerhapsSame[]
  joined?: JoinedCustomer[]
  assets?: Asset[]
  tickets?: TicketBrief[]
}

export interface Asset {
  id: number
  code: string
  customer_id?: number | null
  customer?: Person | null
  device: string
  brand: string
  model: string
  serial: string
  address: string
  installed?: string | null
  warranty_until?: string | null
}

/** One possible meaning of a field. */
export interface Candidate {
  value: string
  score?: number
  details?: Record<string, unknown>
}

/** A field with its evidence: what was read where, how sure, and what an agent made of it. */
export interface TicketField {
  id: number
  name: string
  label?: Partial<Bilingual>
  value: string
  current: string
  surface: string
  confidence: number
  component: string
  message_id: string | null
  start: number | null
  end: number | null
  audio_start: number | null
  audio_end: number | null
  resolved: Candidate | null
  candidates: Candidate[]
  corrected_value: string | null
  corrected_by: Person | null
  corrected_at: string | null
  removed: boolean
}

/** text, start ms, end ms, confidence, offset in the entry's text, leg of the call */
export type CallWord = [string, number, number, number?, (number | null)?, (string | number | null)?]

export interface Attachment {
  name: string
  type: string
  size: number
  url: string | null
}

export interface Place {
  latitude: number
  longitude: number
  datum?: string
  label?: string
}

export interface Entry {
  id: number
  ticket_id: number
  /** message, reply, note */
  kind: string
  author: string
  author_name: string
  channel: string
  text: string
  message_id: string | null
  attachments: Attachment[]
  words: CallWord[]
  recording_url: string | null
  place: Place | null
  reason: string
  /** Of a reply: waiting, sent, delivered, failed */
  delivery: string
  at: string
}

export interface TicketBrief {
  id: number
  number: string
  version: number
  state: string
  service: string
  urgency: Urgency
  priority: number
  summary: string
  missing: string[]
  intents: { name: string; probability?: number }[]
  sentiment: string
  channel: string
  created: string
  confirmed: string | null
  closed?: string | null
  customer: Customer | null
  assignee: Person | null
  reviewer: Person | null
  /** A customer's message joined it under way and nobody has opened it yet. */
  unread: boolean
  /** cancel or reschedule: what the customer asked under way, until it is answered. */
  wish: string | null
  /** Field name to its value as it counts now; personal ones masked. */
  brief: Record<string, string>
}

export interface Ticket extends TicketBrief {
  asset: Asset | null
  parent_id: number | null
  merged_into: number | null
  merged: number[]
  reason: string
  /** Personal values are covered; unmask shows them. */
  masked: boolean
  fields: TicketField[]
  entries: Entry[]
  /** The entry that says the wish. */
  wish_entry: number | null
  /** What the reader may do now, as in POST /tickets/{id}/ACTION. */
  actions: string[]
  duplicates: TicketBrief[]
  perhaps_same: PerhapsSame[]
}

export interface Unmasked {
  phones: string[]
  addresses: string[]
  fields: Record<string, string>
  customer: { kind: string; value: string }[]
}

export interface TimelineItem {
  at: string
  kind: string
  actor: string
  actor_name: string
  text: string
  details: Record<string, unknown>
}

export interface Bilingual {
  zh: string
  en: string
}

export type FormFieldType = 'text' | 'phone' | 'address' | 'choice' | 'time' | 'multiline'

export interface FormField {
  name: string
  label: Bilingual
  type: FormFieldType
  required: boolean
  options?: { value: string; label?: Bilingual; zh?: string; en?: string }[]
}

export interface Form {
  service: string
  title: Bilingual
  fields: FormField[]
}

export interface Clock {
  name: string
  /** 2 and more: after reopening; each next update. */
  round: number
  /** running, paused, met, breached, dropped */
  state: string
  started: string
  /** null while it stands */
  due: string | null
  stopped: string | null
  business_seconds_used: number
  explanation: { at: string; text: Bilingual }[]
}

export interface EngineerCandidate {
  engineer: Person
  score: number
  reasons: { text: Bilingual; points: number }[]
  /** Why this engineer cannot be sent. */
  excluded: Bilingual | null
}

export interface BillLine {
  kind: string
  texts: Bilingual
  quantity: number
  unit_price: number
  amount: number
}

export interface Bill {
  id: number
  number: string
  lines: BillLine[]
  /** What the customer owes, fen. */
  total: number
  /** What the manufacturer pays, fen. */
  covered: number
  paid: number
  because: Bilingual
  remarks: Bilingual[]
  /** estimate, agreed, replaced, billed, paid */
  state: string
  entries: { account: string; debit: number; credit: number }[]
}

export interface Part {
  code: string
  names: Bilingual
  price: number
  /** Good parts that nobody has reserved; for engineers in the own bag. */
  stock: number
}

export interface CallTurn {
  number: number
  speaker: string
  text: string
  at?: string
}

export interface Call {
  session: string
  channel: string
  /** Masked unless the reader may see it. */
  caller: string
  name: string
  opened: string
  /** in: the customer called; out: we did */
  direction: string
  /** dialog, queue, ringing, talking, held; dialing (out) */
  stage: string
  /** Who talks with the caller, or whose telephone rings. */
  agent: number | null
  agent_name: string
  /** Callers before this one in the queue. */
  ahead: number | null
  /** Payment data is spoken: the recording is silent, digits are covered. */
  private: boolean
  /** Supervisors who hear it. */
  listeners: number[]
  turns: CallTurn[]
}

/** What is understood of a call so far. */
export interface CallFields {
  turn: number
  urgency: Urgency
  intents: string[]
  items: { name: string; value: string; confidence: number }[]
}

/** A user's telephone. */
export interface Phone {
  user_id: number
  name: string
  address: string
  /** ready, busy, away */
  state: string
  session: string
}

/** A ticket in an engineer's list, with the visit and the checklist of its service. */
export interface VisitRow extends TicketBrief {
  visit: { id: number; state: string; answer_by: string | null }
  todo: Bilingual[]
}
