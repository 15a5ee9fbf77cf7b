/** Where this device is, if it tells. */

const PATIENCE_MS = 8000

/** {latitude, longitude, datum} in degrees, or {} when the browser, the person or the sky says no. */
export function position(): Promise<Record<string, number | string>> {
  return new Promise((resolve) => {
    if (!('geolocation' in navigator)) {
      resolve({})
      return
    }
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ latitude: coords.latitude, longitude: coords.longitude, datum: 'wgs84' }),
      () => resolve({}),
      { enableHighAccuracy: true, timeout: PATIENCE_MS, maximumAge: 60_000 },
    )
  })
}
