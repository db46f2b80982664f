// Shows the times in the visitor's own zone when the address names none. Without this file the page's zone is shown.
// After htmx has taken over the page, which it does at the same event.
document.addEventListener("DOMContentLoaded", () => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const select = document.getElementById("tz");
  if (!zone || !select) return;
  document.cookie = `tz=${zone};path=/;max-age=31536000;samesite=lax${location.protocol === "https:" ? ";secure" : ""}`;
  if (select.value === zone || new URLSearchParams(location.search).has("tz")) return;
  if (![...select.options].some(option => option.value === zone)) select.add(new Option(zone, zone));
  select.value = zone;
  select.dispatchEvent(new Event("change", { bubbles: true }));
});
