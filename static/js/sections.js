// Rows of hours, dates and questions: one more, one less. Without this file a blank row stands ready, and a row left blank goes.
(() => {
  const changed = rows => rows.dispatchEvent(new Event("change", { bubbles: true }));

  const add = button => {
    const rows = button.closest("[data-rows]"), blank = document.createElement("template");
    blank.innerHTML = rows.querySelector(":scope > template").innerHTML.replaceAll(rows.dataset.rows, rows.dataset.next);
    rows.dataset.next = Number(rows.dataset.next) + 1;
    const row = blank.content.firstElementChild;
    rows.querySelector(":scope > [data-into]").append(row);
    row.querySelector("input:not([type=hidden])").focus();
  };

  const remove = button => {
    const row = button.closest("[data-row]"), rows = row.parentElement.closest("[data-rows]");
    row.remove();
    rows.querySelector(":scope > [data-add], :scope > .act-i > [data-add]").focus();
    changed(rows);
  };

  document.addEventListener("click", e => {
    let button;
    if (button = e.target.closest("[data-add]")) add(button);
    if (button = e.target.closest("[data-remove]")) remove(button);
  });
})();
