/**
 * GPS speaks WGS-84; maps of China are drawn in GCJ-02, some hundred metres aside. Formulas as in the open-source
 * eviltransform; outside China both are the same.
 */

export interface Spot {
  latitude: number
  longitude: number
}

const AXIS = 6378245.0 // m, Krasovsky 1940
const ECCENTRICITY = 0.006693421622965943 // squared

function outside({ latitude, longitude }: Spot): boolean {
  return longitude < 72.004 || longitude > 137.8347 || latitude < 0.8293 || latitude > 55.8271
}

function shift({ latitude, longitude }: Spot): Spot {
  const x = longitude - 105
  const y = latitude - 35
  const waves = (20 * Math.sin(6 * x * Math.PI) + 20 * Math.sin(2 * x * Math.PI)) * (2 / 3)
  let north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + waves
  north += (20 * Math.sin(y * Math.PI) + 40 * Math.sin((y / 3) * Math.PI)) * (2 / 3)
  north += (160 * Math.sin((y / 12) * Math.PI) + 320 * Math.sin((y * Math.PI) / 30)) * (2 / 3)
  let east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + waves
  east += (20 * Math.sin(x * Math.PI) + 40 * Math.sin((x / 3) * Math.PI)) * (2 / 3)
  east += (150 * Math.sin((x / 12) * Math.PI) + 300 * Math.sin((x / 30) * Math.PI)) * (2 / 3)
  const radians = (latitude / 180) * Math.PI
  const bend = 1 - ECCENTRICITY * Math.sin(radians) ** 2
  return {
    latitude: (north * 180) / (((AXIS * (1 - ECCENTRICITY)) / (bend * Math.sqrt(bend))) * Math.PI),
    longitude: (east * 180) / ((AXIS / Math.sqrt(bend)) * Math.cos(radians) * Math.PI),
  }
}

export function toGcj02(spot: Spot): Spot {
  if (outside(spot)) return spot
  const by = shift(spot)
  return { latitude: spot.latitude + by.latitude, longitude: spot.longitude + by.longitude }
}

/** The way back, to a centimetre. */
export function toWgs84(spot: Spot): Spot {
  let found = spot
  for (let turn = 0; turn < 4; turn++) {
    const there = toGcj02(found)
    found = {
      latitude: found.latitude + spot.latitude - there.latitude,
      longitude: found.longitude + spot.longitude - there.longitude,
    }
  }
  return found
}

/** The spot on a map of another datum. */
export function onMap(spot: Spot, datum: string, map: string): Spot {
  if (datum === map) return spot
  return map === 'GCJ-02' ? toGcj02(spot) : toWgs84(spot)
}
