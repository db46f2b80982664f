// Progressive extras. Every page works without this file; htmx does the swapping.
(() => {
  const root = document.documentElement;
  root.dataset.js = "";
  const say = text => { const el = document.getElementById("say"); if (el) { el.textContent = ""; setTimeout(() => el.textContent = text, 30); } };
  const keep = (name, value) => document.body.dataset.frame || (document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax${location.protocol === "https:" ? ";secure" : ""}`);

  // Theme: system, light, dark. The button is a form; here it changes at once. The server prints data-theme from the cookie.
  const themes = ["system", "light", "dark"];
  const theme = button => {
    const next = themes[(themes.indexOf(root.dataset.theme || "system") + 1) % 3];
    next === "system" ? delete root.dataset.theme : root.dataset.theme = next;
    keep("theme", next);
    document.querySelectorAll("[data-theme-toggle]").forEach(b => { b.setAttribute("aria-label", `Color theme: ${next}`); b.value = themes[(themes.indexOf(next) + 1) % 3]; });
    say(`Color theme: ${next}`);
  };

  document.addEventListener("click", e => {
    const at = name => e.target.closest(`[${name}]`);
    let el;
    if (el = at("data-theme-toggle")) { e.preventDefault(); theme(el); }
    if (el = at("data-close")) el.closest(".toast")?.remove();
  });

  // 12/24-hour: the CSS switches, the cookie remembers.
  document.addEventListener("change", e => {
    if (e.target.name === "clock" && e.target.type === "radio") { root.dataset.clock = e.target.value; keep("clock", e.target.value); }
  });

  // Month grid: arrow keys walk the days that have times.
  document.addEventListener("keydown", e => {
    const day = e.target.closest?.(".cal a"); if (!day) return;
    const days = [...day.closest(".cal").querySelectorAll("a")], step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (step) { e.preventDefault(); days[days.indexOf(day) + step]?.focus(); }
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      const rows = [...day.closest("tbody").rows], column = day.closest("td").cellIndex; let row = day.closest("tr").sectionRowIndex;
      do row += e.key === "ArrowDown" ? 1 : -1; while (rows[row] && !rows[row].cells[column]?.querySelector("a"));
      rows[row]?.cells[column].querySelector("a").focus();
    }
  });

  // On a phone a day's times lie below the month: who taps a day is brought to them. The focus stays, to walk the days.
  document.addEventListener("htmx:afterSettle", e => {
    const times = document.getElementById("slots"), first = times?.querySelector(".slot");
    if (!first || !e.detail.requestConfig?.elt.closest(".cal")) return;
    const bar = document.getElementById("bar")?.getBoundingClientRect().top ?? innerHeight;
    if (first.getBoundingClientRect().bottom > bar) times.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  });

  // What a browser calls an error where a page is left before its entrance is over.
  for (const name of ["pagereveal", "pageswap"]) addEventListener(name, ({ viewTransition }) => {
    viewTransition?.ready.catch(() => {}); viewTransition?.finished.catch(() => {});
  });

  // A list that has just become longer is shown again to who asked for that.
  document.addEventListener("htmx:afterSettle", e => {
    if (e.target.matches("select")) try { e.target.focus(); e.target.showPicker(); } catch { /* Too late, or not there: it opens by hand. */ }
  });

  // A request that failed says so above its form (or on top of its drawer), and keeps every value.
  const failed = e => {
    const note = document.getElementById("failure")?.content.firstElementChild.cloneNode(true); if (!note) return;
    const form = e.detail.elt.closest("form, .drawer") || document.getElementById("main");
    form.querySelector("[data-failure]")?.remove();
    note.dataset.failure = "";
    (form.querySelector(".sheet-in, .dlg-b") || form).prepend(note); note.focus();
  };
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:beforeRequest", e => e.detail.elt.closest("form, .drawer")?.querySelector("[data-failure]")?.remove());
})();
