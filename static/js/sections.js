// Rows of hours, dates and questions: one more, one less. Without this file a blank row stands ready, and a row left blank goes.
(() => {
  const changed = rows => rows.dispatchEvent(new Event("change", { bubbles: true }));

  const append = rows => {
    const blank = document.createElement("template");
    blank.innerHTML = rows.querySelector(":scope > template").innerHTML.replaceAll(rows.dataset.rows, rows.dataset.next);
    rows.dataset.next = Number(rows.dataset.next) + 1;
    const row = blank.content.firstElementChild;
    rows.querySelector(":scope > [data-into]").append(row);
    return row;
  };

  const add = button => append(button.closest("[data-rows]")).querySelector("input:not([type=hidden])").focus();

  const remove = button => {
    const row = button.closest("[data-row]"), rows = row.parentElement.closest("[data-rows]");
    row.remove();
    rows.querySelector(":scope > [data-add], :scope > .act-i > [data-add]").focus();
    changed(rows);
  };

  // The hours of one day for every other day that is open.
  const repeat = button => {
    const day = button.closest("[data-rows]"), inputs = row => [...row.querySelectorAll("input")];
    const windows = [...day.querySelectorAll("[data-row]")].map(row => inputs(row).map(input => input.value));
    const others = [...day.parentElement.children].filter(other => other !== day && other.querySelector(":checked"));
    for (const other of others) {
      other.querySelector("[data-into]").replaceChildren();
      for (const window of windows) inputs(append(other)).forEach((input, i) => { input.value = window[i]; });
    }
    document.getElementById("say").textContent = `Copied to ${others.length} other day${others.length === 1 ? "" : "s"}`;
    changed(day);
  };

  // The logo that the server shows in place of a chosen file goes with everything else that is discarded.
  const logo = document.querySelector("form[data-live] .logo-in"), first = logo?.innerHTML;
  document.addEventListener("reset", e => { if (e.target.contains(logo)) logo.innerHTML = first; });

  document.addEventListener("click", e => {
    let button;
    if (button = e.target.closest("[data-add]")) add(button);
    if (button = e.target.closest("[data-remove]")) remove(button);
    if (button = e.target.closest("[data-repeat]")) repeat(button);
  });
})();
