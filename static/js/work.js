// Progressive extras of the pages at work, beside ui.js. Every page works without this file.
(() => {
  const say = text => { const el = document.getElementById("say"); el.textContent = ""; setTimeout(() => el.textContent = text, 30); };

  // With `data-rich` mail programs get the links of that part of the page, everything else its plain text.
  const put = ({ copy, rich }) => rich
    ? navigator.clipboard?.write([new ClipboardItem({
      "text/plain": new Blob([copy], { type: "text/plain" }),
      "text/html": new Blob([document.getElementById(rich).innerHTML], { type: "text/html" }),
    })])
    : navigator.clipboard?.writeText(copy);
  const copy = button => put(button.dataset)?.then(() => {
    const label = button.querySelector("span") || button, was = label.textContent;
    label.textContent = "Copied"; say("Copied"); setTimeout(() => label.textContent = was, 1600);
  });

  document.addEventListener("click", e => {
    const at = name => e.target.closest(`[${name}]`);
    let el;
    if (el = at("data-copy")) copy(el);
    if (el = at("data-open")) { e.preventDefault(); document.getElementById(el.dataset.open)?.showModal(); }
    if (at("data-print")) print();
    if ((el = at("data-close")?.closest("dialog, .toast"))?.matches("dialog")) { e.preventDefault(); el.close(); }
  });

  // Week: up and down walk the free spaces of a day, of which Tab reaches the first.
  document.addEventListener("keydown", e => {
    const space = e.target.closest?.(".wc button"), step = { ArrowDown: 1, ArrowUp: -1 }[e.key]; if (!space || !step) return;
    e.preventDefault();
    const spaces = [...space.closest(".wc").querySelectorAll("button")].sort((a, b) => a.value < b.value ? -1 : 1);
    spaces[spaces.indexOf(space) + step]?.focus();
  });

  // "/" jumps to the page's search, unless someone is typing.
  document.addEventListener("keydown", e => {
    if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input, textarea, select, [contenteditable]")) return;
    const search = document.querySelector("[data-search]"); if (search) { e.preventDefault(); search.focus(); }
  });

  // In a form that is looked through while it is filled in, what is written anew is no longer what was refused.
  document.addEventListener("input", e => {
    const field = e.target, form = field.closest("[data-live]");
    if (!form || field.getAttribute("aria-invalid") !== "true") return;
    field.removeAttribute("aria-invalid");
    document.getElementById(`${field.id}_error`)?.remove();
    if (!form.querySelector("[aria-invalid=true]")) document.getElementById("to-fix")?.remove();
  });

  // Things markup cannot say: a box with some of its people picked, a dialog that is modal from the start.
  // Without this file a dialog printed with `open` is simply part of the page.
  const ready = part => {
    part.querySelectorAll("[data-some]").forEach(box => box.indeterminate = true);
    part.querySelectorAll("dialog[data-show]").forEach(dialog => { dialog.removeAttribute("data-show"); dialog.close(); dialog.showModal(); dialog.querySelector("[autofocus]")?.focus(); });
  };
  ready(document);
  document.addEventListener("htmx:load", e => ready(e.detail.elt.parentElement || document));
})();
