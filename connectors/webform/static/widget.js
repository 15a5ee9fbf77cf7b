// <script src="https://service.example.com/widget.js" data-service="repair" data-label="在线报修" async></script>
"use strict";
(() => {
  const script = document.currentScript;
  const base = new URL(script.src).origin;
  const service = encodeURIComponent(script.dataset.service || "repair");
  const language = script.dataset.lang ? "&lang=" + encodeURIComponent(script.dataset.lang) : "";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = script.dataset.label || "在线报修";
  button.setAttribute("aria-expanded", "false");
  Object.assign(button.style, { position: "fixed", right: "20px", bottom: "20px", zIndex: 2147483000, padding: "12px 20px",
    border: 0, borderRadius: "24px", background: script.dataset.color || "#1667c8", color: "#fff", font: "16px sans-serif", cursor: "pointer" });
  let frame = null;
  button.addEventListener("click", () => {
    if (!frame) {
      frame = document.createElement("iframe");
      frame.src = base + "/form/" + service + "?embed=1" + language;
      frame.title = button.textContent;
      frame.allow = "geolocation";
      Object.assign(frame.style, { position: "fixed", right: "20px", bottom: "80px", zIndex: 2147483000, width: "min(400px, calc(100vw - 40px))",
        height: "min(640px, calc(100vh - 120px))", border: "1px solid #d5dbe3", borderRadius: "12px", background: "#fff", display: "none" });
      document.body.append(frame);
    }
    const open = frame.style.display === "none";
    frame.style.display = open ? "block" : "none";
    button.setAttribute("aria-expanded", String(open));
  });
  const place = () => document.body.append(button);
  if (document.body) place(); else document.addEventListener("DOMContentLoaded", place);
})();
