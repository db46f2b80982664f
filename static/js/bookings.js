// The bookings list: rows and the address agree on what is open, forms open below the facts. Without this file a row's
// drawer is a link, and the buttons in it load the page with their form.
(() => {
  const say = text => { const el = document.getElementById("say"); el.textContent = ""; setTimeout(() => el.textContent = text, 30); };

  // A row's drawer is fetched when it opens first; after a failure, when it opens again. (`toggle` does not bubble.)
  document.addEventListener("toggle", e => {
    const row = e.target;
    if (!row.matches?.("details.row")) return;
    const place = row.querySelector(".drawer[hx-get]"), address = new URL(location), open = document.querySelector("details.row[open]");
    address.searchParams.delete("form");
    open ? address.searchParams.set("open", open.dataset.id) : address.searchParams.delete("open");
    if (address.hash !== `#b-${open?.dataset.id}`) address.hash = "";
    if (address.href !== location.href) history.replaceState(history.state, "", address);
    if (row.open && place) {
      place.querySelector("[data-failure]")?.remove();
      htmx.trigger(place, "opened");
    }
  }, true);

  const show = (form, isOpen) => {
    const button = document.querySelector(`[data-form="${form.id}"]`);
    form.hidden = !isOpen;
    button.setAttribute("aria-expanded", isOpen);
    if (!isOpen) return button.focus();
    form.querySelector("textarea, select, input:not([type=hidden])").focus();
    say(form.querySelector("h3").textContent);
  };

  document.addEventListener("click", e => {
    const button = e.target.closest("[data-form]"), keep = e.target.closest("[data-keep]");
    if (button) {
      e.preventDefault();
      const form = document.getElementById(button.dataset.form);
      for (const other of form.parentElement.querySelectorAll(":scope > .inline-form")) {
        if (other === form || other.hidden) continue;
        other.hidden = true;
        document.querySelector(`[data-form="${other.id}"]`).setAttribute("aria-expanded", "false");
      }
      show(form, form.hidden);
    }
    const near = e.target.closest("[data-day]");
    if (near) {
      e.preventDefault();
      const form = near.closest("form");
      form.elements.day.value = near.dataset.day;
      form.elements.time.value = near.dataset.time;
      form.elements.time.focus();
      form.elements.time.dispatchEvent(new Event("change", { bubbles: true }));
    }
    if (keep) { e.preventDefault(); show(keep.closest("form"), false); }
  });

  document.addEventListener("keydown", e => {
    const form = e.key === "Escape" && e.target.closest?.(".inline-form");
    if (form) show(form, false);
  });

  // The server says the new address once; the clipboard may refuse it, so it is on the page as well.
  document.addEventListener("manage-link", e => {
    navigator.clipboard?.writeText(e.detail.address).then(() => {
      const label = document.querySelector(`[data-copy="${CSS.escape(e.detail.address)}"] span`);
      if (label) label.textContent = "Copied";
      say("New manage link copied. The old one no longer works.");
    }, () => say("New manage link made. Copy it from the page."));
  });

  // How many of a day are left to mark.
  document.addEventListener("htmx:oobAfterSwap", e => {
    const list = e.target.closest?.(".past")?.parentElement, note = list?.previousElementSibling?.querySelector("small");
    if (!note) return;
    const left = list.querySelectorAll('.past > .mark-att :is([value="attended"], [data-left])').length;
    note.textContent = left ? `${left} to mark` : "All marked";
  });

  // The server's words about a booking that is gone are worth showing.
  document.addEventListener("htmx:beforeSwap", e => {
    if (e.detail.xhr.status === 404 && e.detail.xhr.getResponseHeader("HX-Retarget")) { e.detail.shouldSwap = true; e.detail.isError = false; }
  });

  // Of rows of one name a single one is open: the old list's, still there while the new one comes, must not close its.
  document.addEventListener("htmx:beforeSwap", e => {
    if (e.detail.shouldSwap && e.detail.target.id === "list") e.detail.target.querySelectorAll("details[name]").forEach(row => row.removeAttribute("name"));
  });

  // What has taken the focus once must not take it again when its drawer is kept in a new list.
  document.addEventListener("htmx:afterSettle", () => document.querySelectorAll("[autofocus]").forEach(el => el.removeAttribute("autofocus")));
})();
