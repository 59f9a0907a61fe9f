// The browser's time zone: kept in a cookie, so that the next page is rendered in it from the start.

const COOKIE = "contact_events_time_zone";

export function browserZone() {
  try {
    return Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  } catch {
    return "";
  }
}

// Tells whether the page stands in another zone than the browser's and so has to be labelled anew.
export function keepZone() {
  const zone = browserZone();
  if (!zone) return false;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${COOKIE}=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
  return document.documentElement.dataset.zone !== "" && document.documentElement.dataset.zone !== zone;
}
