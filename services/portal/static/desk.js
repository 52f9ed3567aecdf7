// Keys of the desk: j k Enter o walk through the list, / searches, x goes back. Off while typing or in an input method.
"use strict";
(() => {
  const rows = [...document.querySelectorAll("[data-row]")];
  let at = -1;
  const go = (to) => {
    at = Math.max(0, Math.min(rows.length - 1, to));
    rows[at]?.querySelector("a").focus();
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") go(at + 1);
    else if (event.key === "k") go(at - 1);
    else if (event.key === "o" && rows[at]) rows[at].querySelector("a").click();
    else if (event.key === "x") document.querySelector("[data-back]")?.click();
    else if (event.key === "/") { document.querySelector("[data-search]")?.focus(); event.preventDefault(); }
  });
})();
