/** One draft under review: what the machine read, what the agent makes of it, and handing it on. */

import { computed, reactive, ref, watch } from 'vue'
import { ApiError } from '../api/client'
import { tickets } from '../api/tickets'
import type { Form, FormField, Ticket, TicketField, Urgency } from '../api/types'
import { counting, currentValue } from '../evidence/confidence'
import { forms, readForms } from './forms'
import { reading } from './reading'

export interface ReviewField {
  form: FormField
  found: TicketField | undefined
  /** Other findings of the same name, e.g. a second telephone number. */
  others: TicketField[]
  base: string
  value: string
  changed: boolean
  lacking: boolean
}

export type Review = ReturnType<typeof useReview>

export function useReview(id: number) {
  const { value: ticket, error, busy, read } = reading(() => tickets.read(id))
  const edits = reactive<Record<string, string>>({})
  const service = ref<string>()
  const urgency = ref<Urgency>()
  const selected = ref<number>()
  const conflict = ref(false)
  const sending = ref(false)

  const form = computed<Form | undefined>(() => {
    const wanted = service.value ?? ticket.value?.service
    return forms.value.find((each) => each.service === wanted)
  })

  const fields = computed<ReviewField[]>(() => {
    const found = ticket.value?.fields ?? []
    const wanted = form.value?.fields ?? []
    const beyond = [...new Set(found.filter((field) => !field.removed).map((field) => field.name))]
      .filter((name) => !wanted.some((field) => field.name === name))
      .map((name) => plainField(name, found))
    return [...wanted, ...beyond].map((field) => reviewField(field, found, edits))
  })

  const changes = computed(() => {
    const changed: Record<string, string | null> = {}
    for (const field of fields.value) if (field.changed) changed[field.form.name] = field.value.trim() || null
    return changed
  })
  const lacking = computed(() => fields.value.filter((field) => field.lacking))
  const dirty = computed(
    () => Object.keys(changes.value).length > 0 || service.value !== undefined || urgency.value !== undefined,
  )

  // What the server now says itself is no correction any more.
  watch(ticket, (now) => {
    if (!now) return
    for (const name of Object.keys(edits)) if (edits[name] === base(now, name)) delete edits[name]
    if (service.value === now.service) service.value = undefined
    if (urgency.value === now.urgency) urgency.value = undefined
  })

  function edit(name: string, value: string): void {
    if (ticket.value && value === base(ticket.value, name)) delete edits[name]
    else edits[name] = value
  }

  /** Confirms the draft as it stands here. False: somebody else was faster; the ticket was read again, the edits stay. */
  async function confirm(): Promise<boolean> {
    const now = ticket.value
    if (!now || sending.value) return false
    return await send(() =>
      tickets.confirm(id, {
        version: now.version,
        fields: changes.value,
        ...(service.value ? { service: service.value } : {}),
        ...(urgency.value ? { urgency: urgency.value } : {}),
        // The page has asked before it confirms with something missing.
        ...(lacking.value.length > 0 ? { incomplete: true } : {}),
      }),
    )
  }

  /** Keeps the corrections without confirming. */
  async function save(): Promise<boolean> {
    const now = ticket.value
    if (!now || sending.value) return false
    const kept = await send(() => tickets.correct(id, now.version, changes.value))
    if (kept) await read()
    return kept
  }

  async function send(request: () => Promise<unknown>): Promise<boolean> {
    sending.value = true
    try {
      await request()
      conflict.value = false
      return true
    } catch (problem) {
      if (!(problem instanceof ApiError) || problem.status !== 409) throw problem
      conflict.value = true
      await read()
      return false
    } finally {
      sending.value = false
    }
  }

  async function start(): Promise<void> {
    await Promise.all([read(), readForms().catch(() => {})])
  }

  return {
    id, ticket, error, busy, read, start, fields, form, service, urgency, selected,
    conflict, sending, changes, lacking, dirty, edit, confirm, save,
  }
}

function base(ticket: Ticket, name: string): string {
  return currentValue(counting(ticket.fields, name))
}

function reviewField(form: FormField, found: TicketField[], edits: Record<string, string>): ReviewField {
  const best = counting(found, form.name)
  const standing = currentValue(best)
  const value = edits[form.name] ?? standing
  return {
    form,
    found: best,
    others: found.filter((field) => field.name === form.name && field !== best && !field.removed),
    base: standing,
    value,
    changed: value !== standing,
    lacking: form.required && value.trim() === '',
  }
}

/** A field that was found but that the form does not ask for. */
function plainField(name: string, found: TicketField[]): FormField {
  const label = found.find((field) => field.name === name)?.label
  return { name, label: { zh: label?.zh ?? '', en: label?.en ?? '' }, type: 'text', required: false }
}
