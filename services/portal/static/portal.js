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

  // A field for files speaks the language of the machine; ours speaks that of the page. The field itself lies above it, unseen.
  for (const field of all("input[type=file]")) {
    const face = document.createElement("div");
    const [button, names] = [document.createElement("span"), document.createElement("span")];
    face.className = "picker";
    for (const one of [button, names]) one.setAttribute("aria-hidden", "true");
    button.className = "button second small";
    button.textContent = field.dataset.choose;
    const show = () => {
      const { none, between } = field.dataset;
      names.textContent = [...field.files].map((one) => one.name).join(between) || none;
    };
    field.before(face);
    face.append(button, names, field);
    field.addEventListener("change", show);
    addEventListener("pageshow", show);
    show();
  }

  // The map takes the width of the page. Where it was pressed is sent with the width in which it was shown.
  const map = document.querySelector("[data-map]");
  if (map) {
    const { width, height } = map;
    map.width = 2 * width;
    map.height = 2 * height;
    map.addEventListener("click", () => { map.form.elements.shown.value = String(Math.round(map.getBoundingClientRect().width)); });
  }

  // Subjects are suggested while somebody writes. A press on one chooses it in the list; nothing is sent.
  const text = document.querySelector("#filing textarea[name=text]");
  const guesses = document.querySelector("[data-guesses]");
  const subject = document.getElementById("subject");
  if (text && guesses && subject) {
    for (const one of all("[data-no-script]")) one.hidden = true;
    let timer, asked = text.value;
    const suggest = async () => {
      if (subject.value || text.value === asked || text.value.trim().length < 4) return;
      asked = text.value;
      const body = new URLSearchParams({ text: asked, jurisdiction: document.getElementById("jurisdiction")?.value ?? "" });
      try {
        const answer = await fetch("/submit/subjects", { method: "POST", body });
        if (!answer.ok || asked !== text.value) return;
        const found = new DOMParser().parseFromString(await answer.text(), "text/html");
        guesses.replaceChildren(...found.body.childNodes);
      } catch { /* the list is there in any case */ }
    };
    text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(suggest, 900); });
    text.addEventListener("change", suggest);
    guesses.addEventListener("click", (event) => {
      const chosen = event.target.closest("button[name=guess]");
      if (!chosen || ![...subject.options].some((one) => one.value === chosen.value)) return;
      event.preventDefault();
      subject.value = chosen.value;
      guesses.replaceChildren();
      subject.focus();
    });
  }

  // Back and reloading ask for an address, and never send a form again.
  const here = document.querySelector("[data-address]");
  if (here) history.replaceState(null, "", here.dataset.address);

  // What was typed survives Back and reloading: it is kept in this tab for a quarter of an hour, until it is sent or the matter is closed.
  const store = {
    name: (key) => `kept:${key}`,
    save(key, value) { try { sessionStorage.setItem(this.name(key), JSON.stringify(value)); } catch { /* no storage */ } },
    read(key) { try { return JSON.parse(sessionStorage.getItem(this.name(key)) ?? "null"); } catch { return null; } },
    // A key that ends in a slash stands for all that begin with it.
    forget(key) {
      const gone = (name) => name === this.name(key) || (key.endsWith("/") && name.startsWith(this.name(key)));
      try { for (const name of Object.keys(sessionStorage)) if (gone(name)) sessionStorage.removeItem(name); } catch { /* no storage */ }
    },
  };
  for (const one of all("[data-forget]")) store.forget(one.dataset.forget);
  const kept = document.querySelector("form[data-kept]");
  if (kept) {
    const { kept: key, here: address, again } = kept.dataset;
    // The step of an address: a page that was asked for by Back or reloading is always the first one.
    const step = new URLSearchParams(location.search).get("step");
    const saved = () => {
      const found = store.read(key);
      return found && found.path === kept.action && Date.now() - found.at < 15 * 60000 ? found.fields : null;
    };
    const show = (fields) => {
      const form = document.createElement("form");
      Object.assign(form, { method: "post", action: kept.action, hidden: true });
      for (const [name, value] of [...fields, ["go", again], ["show", String(Math.max(0, Number(step) - 1))]]) {
        form.append(Object.assign(document.createElement("textarea"), { name, value }));
      }
      document.body.append(form);
      form.submit();
    };
    const arrived = performance.getEntriesByType("navigation")[0]?.type;
    const fields = ["reload", "back_forward"].includes(arrived) && "fresh" in kept.dataset ? saved() : null;
    if (fields) show(fields);
    else {
      history.replaceState(null, "", address);
      addEventListener("pageshow", (event) => {
        if (!event.persisted) return;
        const typed = saved();
        if (typed) show(typed); else location.reload();  // it was sent meanwhile
      });
      addEventListener("pagehide", () => {
        const typed = [...new FormData(kept)].filter(([name, value]) => typeof value === "string" && name !== "go");
        store.save(key, { at: Date.now(), path: kept.action, fields: typed });
      });
    }
  }

  // The forms of the desk: Back and reloading put back what was typed in this tab, with the id of the command, so that a form that is
  // sent again is one command. What was sent is forgotten, and everything when somebody signs out.
  let leaving = false;
  const typed = document.querySelector("form[data-typed]");
  if (typed) {
    const key = typed.dataset.typed;
    const controls = () => [...typed.elements].filter((one) => one.name && !["file", "password", "submit", "button"].includes(one.type));
    const arrived = performance.getEntriesByType("navigation")[0]?.type;
    const found = store.read(key);
    if (found && "fresh" in typed.dataset && ["reload", "back_forward"].includes(arrived) && Date.now() - found.at < 15 * 60000) {
      const at = {};
      for (const one of controls()) {
        const value = found.fields[one.name]?.[at[one.name] = (at[one.name] ?? -1) + 1];
        if (value === undefined) continue;
        if (["checkbox", "radio"].includes(one.type)) one.checked = value; else one.value = value;
        const hiding = one.closest("details");
        if (hiding && one.type !== "hidden" && value && value !== one.defaultValue) hiding.open = true;
      }
    }
    if (typed.dataset.here) history.replaceState(null, "", typed.dataset.here);
    addEventListener("pageshow", (event) => { if (event.persisted && !store.read(key)) location.reload(); });  // it was sent meanwhile
    addEventListener("pagehide", () => {
      if (leaving) return;
      const fields = {};
      for (const one of controls()) (fields[one.name] ??= []).push(["checkbox", "radio"].includes(one.type) ? one.checked : one.value);
      store.save(key, { at: Date.now(), fields });
    });
  }
  document.querySelector("form[action='/sign-out']")?.addEventListener("submit", () => {
    store.forget("/desk/");
    leaving = true;
  });

  // A second press while the first is on its way does nothing. (The server takes both for one command.)
  for (const button of all("button[data-once]")) {
    button.form.addEventListener("submit", (event) => {
      if (event.submitter !== button) return;
      if (button.form.dataset.sent) { event.preventDefault(); return; }
      button.form.dataset.sent = "1";
      const slow = button.form.querySelector("[data-slow]");
      if (slow) setTimeout(() => { slow.hidden = false; }, 1500);
      setTimeout(() => { delete button.form.dataset.sent; }, 8000);
    });
  }
  addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
    for (const one of all("[data-slow]")) one.hidden = true;
  });

  // A filing in the slower queue goes on at once when this browser has found the answer, and otherwise when its turn has come.
  const queued = document.querySelector("[data-work]");
  if (queued) {
    const { work: turn, bits, wait } = queued.dataset;
    const send = document.querySelector("#filing button[value=send]");
    const goOn = (answer) => { queued.closest("form").elements.work.value = answer; send.form.requestSubmit(send); };
    queued.querySelector("[data-by-hand]").hidden = true;
    queued.querySelector("[data-by-script]").hidden = false;
    const late = setTimeout(() => goOn(""), (Number(wait) + 1) * 1000);
    const begins = (digest) => {
      let left = Number(bits);
      for (const byte of digest) {
        if (left <= 8) return byte >> (8 - left) === 0;
        if (byte) return false;
        left -= 8;
      }
      return true;
    };
    const solve = async () => {
      const text = new TextEncoder();
      for (let first = 0; ; first += 256) {
        const tries = Array.from({ length: 256 }, (_, place) => String(first + place));
        const digests = await Promise.all(tries.map((one) => crypto.subtle.digest("SHA-256", text.encode(`${turn}:${one}`))));
        const found = digests.findIndex((one) => begins(new Uint8Array(one)));
        if (found >= 0) { clearTimeout(late); goOn(tries[found]); return; }
      }
    };
    if (globalThis.crypto?.subtle) solve();
  }

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
