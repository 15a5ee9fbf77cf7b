import { beforeEach, describe, expect, it } from 'vitest'
import { nextTick } from 'vue'
import { ApiError } from '../src/api/client'
import { useReview } from '../src/state/review'
import { draft, FakeServer, field } from './support/fakeServer'

describe('a review', () => {
  let server: FakeServer

  beforeEach(() => {
    server = new FakeServer()
    server.install()
    server.signedIn = true
    server.add(
      draft({
        id: 1,
        fields: [
          field({ id: 1, name: 'phone', value: '13800138000' }),
          field({ id: 2, name: 'address', value: '望京街9号', confidence: 0.4 }),
          field({ id: 3, name: 'device', value: '空调' }),
          field({ id: 4, name: 'phone', value: '01012345678', confidence: 0.5 }),
          field({ id: 5, name: 'colour', value: '白色' }),
        ],
      }),
    )
  })

  async function begun() {
    const review = useReview(1)
    await review.start()
    await nextTick()
    return review
  }
  const sent = () => server.requests.findLast((request) => request.method === 'POST')?.body

  it("shows the form's fields first, then what else was found", async () => {
    const review = await begun()
    expect(review.fields.value.map((each) => [each.form.name, each.value])).toEqual([
      ['phone', '13800138000'], ['address', '望京街9号'], ['device', '空调'], ['colour', '白色'],
    ])
    expect(review.fields.value[0]?.others.map((other) => other.value)).toEqual(['01012345678'])
  })

  it('sends only what was changed, and null for what was emptied', async () => {
    const review = await begun()
    review.edit('address', '北京市朝阳区望京街9号')
    review.edit('device', '冰箱')
    review.edit('device', '空调')
    review.edit('colour', '')
    expect(await review.confirm()).toBe(true)
    expect(sent()).toEqual({ version: 1, fields: { address: '北京市朝阳区望京街9号', colour: null } })
    expect(server.tickets.get(1)?.state).toBe('open')
  })

  it('says when it confirms with something missing', async () => {
    const review = await begun()
    review.edit('address', ' ')
    expect(review.lacking.value.map((each) => each.form.name)).toEqual(['address'])
    expect(await review.confirm()).toBe(true)
    expect(sent()).toMatchObject({ incomplete: true, fields: { address: null } })
  })

  it('keeps the edits when somebody else was faster, and can then confirm', async () => {
    const review = await begun()
    review.edit('address', '望京街19号')
    const ticket = server.tickets.get(1)
    if (!ticket) throw new Error('the draft is gone')
    server.correct(ticket, 'phone', '13900139000')
    ticket.version = 2
    expect(await review.confirm()).toBe(false)
    expect(review.conflict.value).toBe(true)
    expect(review.fields.value.map((each) => each.value).slice(0, 2)).toEqual(['13900139000', '望京街19号'])
    expect(await review.confirm()).toBe(true)
    expect(sent()).toEqual({ version: 2, fields: { address: '望京街19号' } })
    expect(review.conflict.value).toBe(false)
  })

  it('drops an edit that the server has come to say itself', async () => {
    const review = await begun()
    review.edit('address', '望京街19号')
    expect(review.dirty.value).toBe(true)
    expect(await review.save()).toBe(true)
    await nextTick()
    expect(review.dirty.value).toBe(false)
    expect(review.fields.value[1]?.found?.value).toBe('望京街9号')
    expect(review.fields.value[1]?.value).toBe('望京街19号')
  })

  it('lets other errors through', async () => {
    const review = await begun()
    server.signedIn = false
    await expect(review.confirm()).rejects.toBeInstanceOf(ApiError)
    server.down = true
    await expect(review.confirm()).rejects.toMatchObject({ status: 0, code: 'unreachable' })
  })
})
