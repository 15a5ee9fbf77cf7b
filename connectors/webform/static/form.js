// Proof of work, location and a button that is pressed once. The form works without this script, with a lower limit.
"use strict";

function sha256(text) { // FIPS 180-4; crypto.subtle is not there on pages without TLS
  const rotate = (x, n) => (x >>> n) | (x << (32 - n));
  const primes = [], isPrime = (n) => { for (let i = 2; i * i <= n; i++) if (n % i === 0) return false; return true; };
  for (let n = 2; primes.length < 64; n++) if (isPrime(n)) primes.push(n);
  const fraction = (x) => ((x - Math.floor(x)) * 4294967296) | 0;
  const k = primes.map((p) => fraction(Math.cbrt(p)));
  const start = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
  sha256 = (input) => {
    const bytes = new TextEncoder().encode(input), length = bytes.length;
    const padded = new Uint8Array(((length + 8) >> 6) * 64 + 64);
    padded.set(bytes); padded[length] = 0x80;
    new DataView(padded.buffer).setUint32(padded.length - 4, length * 8);
    const h = start.slice(), w = new Int32Array(64), view = new DataView(padded.buffer);
    for (let offset = 0; offset < padded.length; offset += 64) {
      for (let i = 0; i < 16; i++) w[i] = view.getInt32(offset + i * 4);
      for (let i = 16; i < 64; i++) {
        const a = w[i - 15], b = w[i - 2];
        w[i] = (w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)) + w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10))) | 0;
      }
      let [a, b, c, d, e, f, g, i] = h;
      for (let n = 0; n < 64; n++) {
        const one = (i + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + k[n] + w[n]) | 0;
        const two = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        i = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
      }
      [a, b, c, d, e, f, g, i].forEach((value, n) => { h[n] = (h[n] + value) | 0; });
    }
    return h;
  };
  return sha256(text);
}

function prove(token, bits) {
  for (let answer = 0; ; answer++) if (bits === 0 || (sha256(token + ":" + answer)[0] >>> (32 - bits)) === 0) return String(answer);
}

for (const form of document.querySelectorAll("form[data-bits]")) {
  form.addEventListener("submit", (event) => {
    const button = form.querySelector("button.main");
    if (button.disabled) { event.preventDefault(); return; }
    button.disabled = true;
    button.textContent = button.dataset.working;
    const work = form.elements.work;
    if (work && !work.value) {
      event.preventDefault();
      setTimeout(() => { work.value = prove(form.elements.token.value, Number(form.dataset.bits)); form.submit(); }, 20);
    }
  });
  const place = form.querySelector("button.place");
  const placed = () => {
    place.textContent = place.dataset.done;
    form.querySelector("[autocomplete=street-address]").required = false; // the place stands for a written address
  };
  if (place) form.addEventListener("marked", placed);
  if (place && navigator.geolocation) {
    place.hidden = false;
    place.addEventListener("click", () => navigator.geolocation.getCurrentPosition((found) => {
      form.elements.latitude.value = found.coords.latitude.toFixed(6);
      form.elements.longitude.value = found.coords.longitude.toFixed(6);
      form.elements.datum.value = "WGS-84";
      placed();
      form.dispatchEvent(new CustomEvent("located"));
    }, () => { place.textContent = place.dataset.failed; }, { enableHighAccuracy: true, timeout: 10000 }));
  }
}
window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
