// Shows the times in the visitor's own zone when the address names none. Tells the server in a cookie, once, and asks
// for the page again before anything of it is drawn. Without this file the page's own zone is shown.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone, cookie = `tz=${zone}`;
  const told = () => document.cookie.split("; ").includes(cookie);
  if (!zone || told()) return;
  document.cookie = `${cookie};path=/;max-age=31536000;samesite=lax${location.protocol === "https:" ? ";secure" : ""}`;
  // Where cookies are off, asking again would change nothing, again and again.
  const { shown } = document.currentScript.dataset;
  if (shown && shown !== zone && told()) location.reload();
})();
