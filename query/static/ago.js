// "2 h ago" grows older while the page is open. The words are those of query/presentation/times.py.

const UNITS = [[365.25 * 86400, "year"], [30.44 * 86400, "month"], [86400, "day"], [3600, "h"], [60, "min"]];

export function relative(iso, now = Date.now()) {
  const seconds = (now - Date.parse(iso)) / 1000;
  const size = Math.abs(seconds);
  if (size < 60) return "just now";
  const [length, unit] = UNITS.find(([unitLength]) => size >= unitLength);
  const count = Math.floor(size / length);
  const text = `${count} ${unit}${count !== 1 && unit.length > 3 || count !== 1 && unit === "day" ? "s" : ""}`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

function refresh() {
  for (const element of document.querySelectorAll("[data-relative]")) {
    const text = relative(element.dataset.relative || element.dateTime);
    if (element.textContent !== text) element.textContent = text;
  }
}

export function keepFresh() {
  setInterval(refresh, 30_000);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}
