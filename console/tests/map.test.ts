import { describe, expect, it } from 'vitest'
import { onMap, toGcj02, toWgs84 } from '../map/datum'

const metres = (a: { latitude: number; longitude: number }, b: typeof a): number =>
  Math.hypot((a.latitude - b.latitude) * 111_000, (a.longitude - b.longitude) * 111_000 * Math.cos((a.latitude * Math.PI) / 180))

describe('datum', () => {
  // Beijing, Tian'anmen: published pairs put the shift at about 560 m there.
  const wgs = { latitude: 39.90734, longitude: 116.39089 }
  const gcj = { latitude: 39.90874, longitude: 116.39713 }

  it('shifts as the Chinese maps do', () => {
    expect(metres(toGcj02(wgs), gcj)).toBeLessThan(2)
    expect(metres(wgs, gcj)).toBeGreaterThan(400)
  })

  it('comes back', () => {
    expect(metres(toWgs84(toGcj02(wgs)), wgs)).toBeLessThan(0.01)
  })

  it('leaves other countries and the same datum alone', () => {
    const abroad = { latitude: 48.2, longitude: 16.37 }
    expect(toGcj02(abroad)).toEqual(abroad)
    expect(onMap(wgs, 'WGS-84', 'WGS-84')).toEqual(wgs)
    expect(onMap(wgs, 'GCJ-02', 'WGS-84')).not.toEqual(wgs)
  })
})
