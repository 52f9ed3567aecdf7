// The receipt's QR code leads here with number and code behind the "#", which no browser sends to a server.
// They are put into the form and taken out of the address at once, so that no history keeps them.
"use strict";
const given = new URLSearchParams(location.hash.slice(1));
if (given.has("n") || given.has("c")) {
  history.replaceState(null, "", location.pathname);
  const form = document.querySelector("form[data-ask]");
  if (form) {
    form.elements.number.value = given.get("n") || "";
    form.elements.code.value = given.get("c") || "";
    form.querySelector("button").focus();
  }
}
const print = document.querySelector("button[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
