// The timeline's rows in the document: putting one at its true place, and collapsing runs over all that is loaded.

const COLLAPSE_FROM = 4;

const place = (row) => [Number(row.dataset.at), Number(row.dataset.offset)];
const isNewer = ([at, offset], [otherAt, otherOffset]) => at > otherAt || (at === otherAt && offset > otherOffset);

export const eventRows = (root) => [...root.querySelectorAll(".event")];
// Changes of the contact stand between the events: they have a place like these, and end a run.
const placedRows = (root) => [...root.querySelectorAll(".event, .change")];

export function findRow(list, id) {
  return eventRows(list).find((row) => row.dataset.id === id);
}

// Takes the rows of a run out of it; remembers whether it was open.
function unwrap(day) {
  const open = new Set();
  for (const run of day.querySelectorAll(".run")) {
    const rows = [...run.querySelectorAll(".event")];
    if (run.firstElementChild.open) rows.forEach((row) => open.add(row));
    run.replaceWith(...rows);
  }
  return open;
}

function short(row) {
  return row.querySelector(".short").textContent;
}

function makeRun(rows, plus, open) {
  const [newest, oldest] = [rows[0], rows.at(-1)];
  const run = document.createElement("li");
  run.className = newest.className.replace("event", "run").replace(/ ?\b(target|fresh)\b/g, "");
  const details = document.createElement("details");
  details.open = open;
  const summary = newest.querySelector("summary").cloneNode(true);
  summary.querySelector(".facts")?.remove();
  const times = document.createElement("span");
  times.className = "times";
  times.textContent = `× ${rows.length}${plus}`;
  summary.querySelector(".title").after(" ", times);
  const when = document.createElement("span");
  when.className = "short";
  when.textContent = short(newest) === short(oldest) ? short(newest) : `${short(oldest)}–${short(newest)}`;
  summary.querySelector(".when").replaceChildren(when);
  const inner = document.createElement("ol");
  inner.className = "rows";
  details.append(summary, inner);
  run.append(details);
  rows[0].before(run);
  inner.append(...rows);
  return run;
}

// Collapses one day again. `end`: the last row loaded, if older ones are not; the run that holds it says "6+".
function collapse(day, end) {
  const focused = day.contains(document.activeElement) ? document.activeElement : null;
  const open = unwrap(day);
  const rows = placedRows(day);
  for (let from = 0, to; from < rows.length; from = to) {
    to = from + 1;
    while (to < rows.length && rows[to].dataset.name === rows[from].dataset.name) to++;
    if (to - from < COLLAPSE_FROM) continue;
    const run = rows.slice(from, to);
    const wasOpen = run.some((row) => open.has(row) || row.firstElementChild.open || row.contains(focused));
    makeRun(run, run.includes(end) ? "+" : "", wasOpen);
  }
  if (focused && document.contains(focused)) focused.focus({ preventScroll: true });
}

export class Timeline {
  constructor(list) {
    this.list = list;
  }

  get collapses() {
    return new URLSearchParams(location.search).getAll("name").length !== 1;
  }

  get older() {
    return this.list.querySelector(":scope > .older a");
  }

  #regroup(days) {
    if (!this.collapses) return;
    const end = this.older ? placedRows(this.list).at(-1) : null;
    for (const day of days) collapse(day, end);
  }

  // Appends the next stretch; a day or a run that began on the last page goes on in it.
  append(fragment) {
    this.list.querySelectorAll(":scope > .older, :scope > .note").forEach((element) => element.remove());
    if (fragment.querySelector(".event, .change")) this.list.querySelector(":scope > .blank")?.remove();
    fragment.querySelectorAll(".newer").forEach((element) => element.remove());
    const last = [...this.list.querySelectorAll(".day")].at(-1);
    const first = fragment.querySelector(".day");
    const touched = last ? [last] : [];
    if (last && first?.dataset.day === last.dataset.day) {
      last.querySelector(".rows").append(...first.querySelector(".rows").children);
      first.remove();
    }
    this.list.append(fragment);
    const all = [...this.list.querySelectorAll(".day")];
    if (all.at(-1) && all.at(-1) !== touched[0]) touched.push(all.at(-1));
    this.#regroup(touched);
  }

  // Puts rows of a fragment where they belong by the time they happened. Gives those that it put.
  insert(fragment) {
    const put = [];
    const touched = new Set();
    const loaded = placedRows(this.list);
    for (const day of fragment.querySelectorAll(".day")) {
      for (const row of eventRows(day)) {
        if (findRow(this.list, row.dataset.id)) continue;
        const beyond = this.older && loaded.length && isNewer(place(loaded.at(-1)), place(row));
        if (beyond) continue; // comes with the page it belongs to
        const home = this.#day(day);
        touched.add(home);
        const next = placedRows(home).find((other) => isNewer(place(row), place(other)));
        if (next) next.before(row);
        else home.querySelector(".rows").append(row);
        put.push(row);
      }
    }
    if (put.length) this.list.querySelectorAll(":scope > .blank").forEach((element) => element.remove());
    this.#regroup(touched);
    return put;
  }

  #day(day) {
    const days = [...this.list.querySelectorAll(".day")];
    const same = days.find((other) => other.dataset.day === day.dataset.day);
    if (same) return same;
    const home = day.cloneNode(true);
    home.querySelector(".rows").replaceChildren();
    const next = days.find((other) => other.dataset.day < day.dataset.day);
    if (next) next.before(home);
    else if (this.list.querySelector(":scope > .older")) this.list.querySelector(":scope > .older").before(home);
    else this.list.append(home);
    return home;
  }
}
