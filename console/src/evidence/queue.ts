/** The order in which drafts want to be looked at: danger first, then priority, then who has waited longest. */

import type { TicketBrief } from '../api/types'

export function inOrder(drafts: TicketBrief[]): TicketBrief[] {
  return [...drafts].sort(
    (a, b) =>
      Number(b.urgency === 'emergency') - Number(a.urgency === 'emergency') ||
      a.priority - b.priority ||
      Date.parse(a.created) - Date.parse(b.created) ||
      a.id - b.id,
  )
}

/** The draft to look at after this one; undefined when no other waits. */
export function nextAfter(drafts: TicketBrief[], id: number): TicketBrief | undefined {
  const order = inOrder(drafts)
  const at = order.findIndex((draft) => draft.id === id)
  return order[at + 1] ?? order.find((draft) => draft.id !== id)
}
