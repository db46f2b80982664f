// Variables of a workflow's messages: a press puts one where the caret is; two braces open a list to choose from. Without this
// file they are typed, and the page lists them.
(() => {
  const names = [...new Set([...document.querySelectorAll("[data-insert]")].map(button => button.dataset.insert))];
  const open = /\{\{\s*([a-z_]*)$/;
  let list = null;

  const put = (field, name) => {
    const caret = field.selectionStart, before = field.value.slice(0, caret).replace(open, ""), after = field.value.slice(field.selectionEnd);
    field.value = `${before}{{${name}}}${after.replace(/^\}\}/, "")}`;
    field.selectionStart = field.selectionEnd = before.length + name.length + 4;
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const close = () => {
    if (!list) return;
    list.field.removeAttribute("aria-controls");
    list.field.removeAttribute("aria-activedescendant");
    list.box.remove();
    list = null;
  };

  const mark = at => {
    const options = [...list.box.children];
    list.at = (at + options.length) % options.length;
    options.forEach((option, number) => option.setAttribute("aria-selected", number === list.at));
    list.field.setAttribute("aria-activedescendant", options[list.at].id);
    options[list.at].scrollIntoView({ block: "nearest" });
  };

  const offer = field => {
    const typed = field.value.slice(0, field.selectionStart).match(open);
    const fitting = typed ? names.filter(name => name.startsWith(typed[1])) : [];
    close();
    if (!fitting.length) return;
    const box = document.createElement("ul");
    box.className = "var-list";
    box.id = "variables";
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", "Variables");
    for (const name of fitting) {
      const option = document.createElement("li");
      option.id = `variable-${name}`;
      option.setAttribute("role", "option");
      option.textContent = name;
      option.addEventListener("pointerdown", e => { e.preventDefault(); close(); put(field, name); });
      box.append(option);
    }
    field.after(box);
    field.setAttribute("aria-controls", box.id);
    list = { field, box, at: 0 };
    mark(0);
    document.getElementById("say").textContent = `${fitting.length} to choose from. Arrow keys choose, Enter takes one.`;
  };

  document.addEventListener("input", e => { if (e.target.matches("[data-variables]")) offer(e.target); });
  document.addEventListener("focusout", close);
  document.addEventListener("keydown", e => {
    if (!list || e.target !== list.field) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) { e.preventDefault(); mark(list.at + step); }
    if (e.key === "Escape") { e.preventDefault(); close(); }
    if (e.key === "Enter" || e.key === "Tab") {
      e.preventDefault();
      const name = list.box.children[list.at].textContent, field = list.field;
      close();
      put(field, name);
    }
  });
  document.addEventListener("click", e => {
    const button = e.target.closest("[data-insert]");
    if (button) put(document.getElementById(button.dataset.for), button.dataset.insert);
  });
})();
