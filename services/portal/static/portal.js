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

  // Passkeys: the options come from the page or are asked for, the answer of the authenticator goes with a form.
  for (const form of all("[data-passkey]")) {
    if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) continue;
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const failed = form.querySelector("[data-failed]");
      failed.hidden = true;
      try {
        let made;
        if (form.dataset.passkey === "create") {
          const options = PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(form.dataset.options));
          made = await navigator.credentials.create({ publicKey: options });
        } else {
          const answer = await fetch("/sign-in/passkey/options", { method: "POST", body: new URLSearchParams() });
          const asked = await answer.json();
          form.elements.challenge.value = asked.challenge;
          made = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.options) });
        }
        form.elements.credential.value = JSON.stringify(made.toJSON());
        form.submit();
      } catch {
        failed.hidden = false;
        failed.focus();
      }
    });
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
    const form = document.getElementById(timed.dataset.form);
    // A form goes to the server, which asks for number and code and carries along what was typed. Nothing is sent for good.
    const close = () => {
      if (!form) { location.reload(); return; }
      const go = document.createElement("input");
      Object.assign(go, { type: "hidden", name: "go", value: "close" });
      form.append(go);
      form.submit();
    };
    const set = (seconds) => {
      timers.forEach(clearTimeout);
      const left = seconds * 1000;  // counted here: the clock of this machine may be wrong
      warning.hidden = true;
      timers = [
        setTimeout(() => { warning.hidden = false; }, Math.max(0, left - 120000)),
        setTimeout(close, Math.max(1000, left + 1000)),
      ];
    };
    set(Number(timed.dataset.expires));
    const stay = async (event) => {
      event.preventDefault();
      const answer = await fetch("/track/stay", {
        method: "POST", body: new URLSearchParams(), headers: { "X-Requested-With": "portal" },
      });
      if (answer.ok) set(Number(timed.dataset.expires)); else close();
    };
    document.querySelector("[data-stay]")?.addEventListener("submit", stay);
    document.querySelector("[data-stay-button]")?.addEventListener("click", stay);
  }
})();
