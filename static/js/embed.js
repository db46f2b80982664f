// For other sites: <div data-workestra="https://…/book/some-link"></div> and this file show that booking page right there.
// It takes the height its content has. What happens in it comes as events of the div: workestra:ready, workestra:height,
// workestra:booked (detail: link, start). See docs/embedding.md.
(() => {
  const site = new URL(document.currentScript.src).origin;
  document.querySelectorAll("[data-workestra]").forEach(place => {
    const address = new URL(place.dataset.workestra, site);
    if (address.origin !== site || place.querySelector("iframe")) return;
    address.pathname = address.pathname.replace(/^\/book\//, "/embed/");
    address.searchParams.set("origin", location.origin);
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && !address.searchParams.has("tz")) address.searchParams.set("tz", zone);
    const frame = document.createElement("iframe");
    frame.src = address;
    frame.title = place.dataset.title || "Book a time";
    Object.assign(frame.style, { width: "100%", height: "760px", border: "0", colorScheme: "light dark" });
    place.replaceChildren(frame);
    addEventListener("message", e => {
      if (e.origin !== site || e.source !== frame.contentWindow || !String(e.data?.type).startsWith("workestra:")) return;
      if (e.data.type === "workestra:height") frame.style.height = `${e.data.height}px`;
      const { type, ...detail } = e.data;
      place.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
    });
  });
})();
