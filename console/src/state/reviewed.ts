/** After a review: the way back, and on to the next draft. */

import { ElButton, ElNotification } from 'element-plus'
import 'element-plus/es/components/notification/style/css'
import { h } from 'vue'
import type { Router } from 'vue-router'
import type { TicketBrief } from '../api/types'
import { tickets } from '../api/tickets'
import { nextAfter } from '../evidence/queue'
import { i18n } from '../messages'
import { tell } from './problems'

const OFFER_MS = 15_000

/** Says what was done and offers to take it back for a while. */
export function offerUndo(title: string, id: number, undo: string, router: Router): void {
  const t = i18n.global.t
  const notice = ElNotification({
    title,
    type: 'success',
    position: 'bottom-right',
    duration: OFFER_MS,
    message: h('div', { class: 'row' }, [
      h(ElButton, { size: 'small', 'data-test': 'undo', onClick: () => void back() }, () => t('review.undo')),
      h(ElButton, { size: 'small', text: true, 'data-test': 'to-ticket', onClick: look }, () => t('review.toTicket')),
    ]),
  })

  function look(): void {
    notice.close()
    void router.push({ name: 'ticket', params: { id } })
  }

  async function back(): Promise<void> {
    notice.close()
    try {
      await tickets.act(id, undo)
      await router.push({ name: 'review', params: { id } })
    } catch (error) {
      tell(error)
    }
  }
}

export async function nextDraft(id: number): Promise<TicketBrief | undefined> {
  try {
    return nextAfter((await tickets.list({ state: 'draft', limit: 200 })).items, id)
  } catch {
    return undefined
  }
}
