// Inside a frame: shows times in the visitor's zone, and tells the page around it what it may know (docs/embedding.md).
// Messages go to that page's exact origin, and hold no personal data.
(() => {
  const { frame: link, parent: named, shown, booked } = document.body.dataset;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (shown && zone && shown !== zone) {
    const address = new URL(location);
    address.searchParams.set("tz", zone);
    return location.replace(address);
  }
  // Browsers heed `autofocus` in no frame of another origin. Who is not in this frame is not drawn into it either.
  if (document.hasFocus()) document.querySelector("[autofocus]")?.focus();
  const origin = location.ancestorOrigins?.[0] || named;
  if (parent === window || !origin || origin === "null") return;
  const tell = (type, more) => parent.postMessage({ type: `workestra:${type}`, link, ...more }, origin);
  let last = 0;
  const measure = () => {
    const height = Math.ceil(document.querySelector("main").getBoundingClientRect().height + document.querySelector(".frame-f").getBoundingClientRect().height);
    if (height !== last) tell("height", { height: last = height });
  };
  tell("ready");
  if (booked) tell("booked", { start: booked });
  new ResizeObserver(measure).observe(document.querySelector("main"));
  measure();
})();
