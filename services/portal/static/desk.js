// Keys and live updates of the desk. Every page works without this file.
"use strict";
(() => {
  const $ = (selector) => document.querySelector(selector);
  const $$ = (selector) => [...document.querySelectorAll(selector)];

  // ---- Keys. Letters open and walk; none of them does anything to a case. Off while typing or in an input method.
  const OFF = "huiyin-keys-off";
  const off = () => { try { return localStorage.getItem(OFF) === "1"; } catch { return false; } };
  const help = $("[data-help]");
  const open = (element) => {
    const details = element.closest("details");
    if (details) details.open = true;
    if (element.matches("a[href]")) element.click();
    else { element.focus(); element.scrollIntoView({ block: "center" }); }
  };
  const rows = () => $$("[data-row]");
  const at = () => rows().findIndex((row) => row.contains(document.activeElement));
  let last = -1;
  const go = (step) => {
    const all = rows();
    const now = at() < 0 ? last : at();
    last = Math.max(0, Math.min(all.length - 1, now + step));
    all[last]?.querySelector("a").focus();
  };
  const keys = {
    j: () => go(1),
    k: () => go(-1),
    o: () => rows()[at() < 0 ? last : at()]?.querySelector("a").click(),
    x: () => {
      const box = rows()[at() < 0 ? last : at()]?.querySelector("input[type=checkbox]");
      if (box) box.checked = !box.checked; else $("[data-back]")?.click();
    },
    "/": () => { const field = $("[data-search]"); if (field) field.focus(); else location.assign("/desk#number"); },
    "?": () => help?.showModal(),
  };
  addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey && event.target.form) { event.preventDefault(); event.target.form.requestSubmit(event.target.form.querySelector(".actions button")); return; }
    const field = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape" && field && !help?.open) { field.blur(); return; }
    if (field || event.ctrlKey || event.metaKey || event.altKey || help?.open) return;
    if (off() && event.key !== "?") return;
    const act = keys[event.key] ?? (() => {
      const found = $$("[data-key]").find((one) => one.dataset.key === event.key);
      return found && (() => open(found));
    })();
    if (!act) return;
    event.preventDefault();
    act();
  });
  for (const button of $$("[data-open-help]")) {
    button.hidden = false;
    button.addEventListener("click", () => help.showModal());
  }
  const toggle = $("[data-keys-switch]");
  if (toggle) {
    toggle.checked = !off();
    toggle.addEventListener("change", () => {
      try { localStorage.setItem(OFF, toggle.checked ? "0" : "1"); } catch { /* private window: for this page only */ }
    });
  }
  if (location.hash === "#number") $("[data-search]")?.focus();

  // ---- Similar cases and knowledge, beside the registration.
  const near = $("[data-near]");
  const typed = near && $("#text");
  if (typed) {
    const fields = ["place", "subject", "text", "name", "address", "knowledge", "entry"];
    let turn = 0;
    let pause = 0;
    const look = async () => {
      const mine = ++turn;
      const body = new URLSearchParams();
      for (const name of fields) body.set(name, typed.form.elements[name]?.value ?? "");
      try {
        const answer = await fetch("/desk/register/near", { method: "POST", body });
        if (answer.ok && !answer.redirected && mine === turn && !near.contains(document.activeElement)) {
          const part = new DOMParser().parseFromString(await answer.text(), "text/html").body;
          near.replaceChildren(...part.childNodes);
        }
      } catch { /* the screen works without it */ }
    };
    const later = () => { clearTimeout(pause); pause = setTimeout(look, 1200); };
    for (const name of ["place", "subject"]) typed.form.elements[name].addEventListener("change", look);
    typed.addEventListener("input", (event) => { if (!event.isComposing) later(); });
    typed.addEventListener("compositionend", later);
  }

  // ---- Live updates. The stream says only what moved; the page is fetched again, so rights are checked again.
  const moving = document.body.dataset.moving;
  const parts = $$("[data-live]");
  if (!("EventSource" in window) || (!parts.length && !moving)) return;
  let stream = null;
  let timer = 0;
  let stale = false;
  let refreshed = -Infinity;
  const refresh = async () => {
    timer = 0;
    refreshed = performance.now();
    const answer = await fetch(location.href, { headers: { "X-Requested-With": "portal" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focused = document.activeElement?.getAttribute?.("href");
    const chosen = new Set($$("[data-live] input:checked").map((box) => box.value));
    for (const part of $$("[data-live]")) {
      const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (!other || other.innerHTML === part.innerHTML) continue;
      const opened = [...part.querySelectorAll("details")].map((one) => one.open);
      part.replaceWith(document.adoptNode(other));
      other.querySelectorAll("details").forEach((one, place) => { one.open = opened[place] ?? one.open; });
    }
    for (const box of $$("[data-live] input[type=checkbox]")) box.checked = chosen.has(box.value);
    if (focused && document.activeElement === document.body) $(`[data-live] a[href="${CSS.escape(focused)}"]`)?.focus();
  };
  const soon = () => {
    if (document.hidden) { stale = true; return; }
    // At once where it was quiet; at most every 15 s while much happens. Spread, so that a whole office does not ask together.
    const wait = Math.max(1000 + 1500 * Math.random(), refreshed + 15000 - performance.now());
    if (!timer) timer = setTimeout(refresh, wait);
  };
  const connect = () => {
    stream = new EventSource("/desk/live");
    stream.addEventListener("counts", () => { if (parts.length) soon(); });
    stream.addEventListener("cases", (event) => {
      const told = JSON.parse(event.data);
      const banner = $("[data-moved]");
      if (moving && banner && told.cases.includes(moving)) { banner.hidden = false; soon(); }
    });
    stream.addEventListener("end", () => stream.close());
  };
  addEventListener("visibilitychange", () => {
    if (!document.hidden && stale) { stale = false; soon(); }
  });
  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  connect();
})();
