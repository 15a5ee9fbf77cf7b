/** A question that is answered with yes or no. */

import { ElMessageBox } from 'element-plus'
import 'element-plus/es/components/message-box/style/css'
import { i18n } from '../messages'

export async function askYes(title: string, text: string, yes: string): Promise<boolean> {
  try {
    await ElMessageBox.confirm(text, title, {
      confirmButtonText: yes,
      cancelButtonText: i18n.global.t('common.back'),
      type: 'warning',
    })
    return true
  } catch {
    return false
  }
}
