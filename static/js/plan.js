// The form of a template saves what its plan says: a press that comes before the plan of the form as it is now has been
// shown waits for it, and then saves, unless the plan takes something from somebody that the page had not shown. Without
// this file the server shows the plan first.
(() => {
  const form = document.querySelector("form[data-live]"), plan = () => document.getElementById("plan");
  if (!form) return;
  const words = value => value instanceof File ? value.name && `${value.name} ${value.size} ${value.lastModified}` : value;
  const filled = () => JSON.stringify([...new FormData(form)].filter(([name]) => name !== "plan").map(([name, value]) => [name, words(value)]));
  let shown = filled(), asked = null, answered = false, held = null;

  const busy = () => form.querySelector(".savebar .pri");
  const release = () => { held = null; busy().removeAttribute("aria-busy"); };

  form.addEventListener("submit", e => {
    if (filled() === shown) return;
    e.preventDefault();
    if (held) return;
    held = { losses: plan().dataset.losses };
    busy().setAttribute("aria-busy", "true");
    if (filled() !== asked) htmx.trigger(form, "ask");
  });

  form.addEventListener("htmx:beforeRequest", e => { if (e.target === form) { asked = filled(); answered = false; } });
  // The answer may bring fields of its own: what has been typed meanwhile is looked for before it is put in.
  form.addEventListener("htmx:beforeSwap", e => { if (e.detail.requestConfig?.elt === form) answered = filled() === asked; });
  form.addEventListener("htmx:afterRequest", e => {
    if (e.target !== form || !e.detail.xhr.status) return;
    asked = null;
    if (!e.detail.successful) return failed();
    if (!answered) return;
    shown = filled();
    if (!held) return;
    const { losses } = held, now = plan().dataset.losses;
    release();
    if (!now || now === losses) return form.requestSubmit();
    const note = document.getElementById("held");
    note.hidden = false; note.focus();
  });

  // Nothing more to wait for: the page says what failed, and the next press is for the server to judge.
  const failed = () => { if (held) { shown = filled(); release(); } };
  form.addEventListener("htmx:sendError", e => { if (e.target === form) { asked = null; failed(); } });
})();
