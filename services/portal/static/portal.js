// Speed and comfort only: every page works without this file.
"use strict";
(() => {
  const all = (selector) => document.querySelectorAll(selector);

  // The address of a receipt carries number and code behind the #. They go into the form, and out of the address.
  const ask = document.querySelector("[data-ask]");
  if (ask && location.hash.length > 1) {
    const given = new URLSearchParams(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
    if (given.get("n") && given.get("c")) {
      ask.elements.number.value = given.get("n");
      ask.elements.code.value = given.get("c");
      ask.querySelector(".actions button").focus();
    }
  }

  // The link of an invitation carries it behind the #.
  const join = document.querySelector("[data-join]");
  if (join && location.hash.length > 1) {
    join.elements.invitation.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
  }

  // What went wrong is read first.
  document.querySelector("[data-focus]")?.focus();

  for (const button of all("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  if ("speechSynthesis" in window) {
    for (const button of all("[data-read]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        if (speechSynthesis.speaking) { speechSynthesis.cancel(); return; }
        const text = new SpeechSynthesisUtterance(document.querySelector("main").innerText);
        text.lang = document.documentElement.lang;
        text.rate = 0.85;
        speechSynthesis.speak(text);
      });
    }
  }

  // How many characters are left.
  for (const area of all("textarea[data-most]")) {
    const most = Number(area.dataset.most);
    const said = document.createElement("p");
    said.className = "count";
    said.setAttribute("aria-hidden", "true");
    area.after(said);
    const count = () => { said.textContent = area.value.length > most * 0.8 ? `${area.value.length} / ${most}` : ""; };
    area.addEventListener("input", count);
    count();
  }

  // Back and reloading ask for an address, and never send a form again.
  const here = document.querySelector("[data-address]");
  if (here) history.replaceState(null, "", here.dataset.address);
  for (const button of all("button[value=send][data-once]")) {
    button.form.addEventListener("submit", (event) => {
      if (event.submitter === button) setTimeout(() => history.replaceState(null, "", location.pathname), 0);
    });
  }

  // A second press while the first is on its way does nothing. (The server takes both for one command.)
  for (const button of all("button[data-once]")) {
    button.form.addEventListener("submit", (event) => {
      if (event.submitter !== button) return;
      if (button.form.dataset.sent) { event.preventDefault(); return; }
      button.form.dataset.sent = "1";
      setTimeout(() => { delete button.form.dataset.sent; }, 8000);
    });
  }
  addEventListener("pageshow", () => { for (const form of document.forms) delete form.dataset.sent; });

  // The page of one case warns two minutes before it closes, and is extended by one press.
  const timed = document.querySelector("[data-expires]");
  const warning = document.querySelector("[data-warning]");
  if (timed && warning) {
    let timers = [];
    const set = (instant) => {
      timers.forEach(clearTimeout);
      const left = Date.parse(instant) - Date.now();
      warning.hidden = true;
      timers = [
        setTimeout(() => { warning.hidden = false; }, Math.max(0, left - 120000)),
        setTimeout(() => location.reload(), Math.max(1000, left + 1000)),
      ];
    };
    set(timed.dataset.expires);
    document.querySelector("[data-stay]").addEventListener("submit", async (event) => {
      event.preventDefault();
      const answer = await fetch("/track/stay", {
        method: "POST", body: new URLSearchParams(), headers: { "X-Requested-With": "portal" },
      });
      if (answer.ok) set(answer.headers.get("X-Expires")); else location.reload();
    });
  }
})();
