// The profile: filters without a reload, older events on scrolling, newer ones as they happen.

import { keepFresh } from "./ago.js";
import { enableCopying } from "./copy.js";
import { fetchFragment, load } from "./fragments.js";
import { enableArrows } from "./keys.js";
import { Live } from "./live.js";
import { dayIn, enableRange } from "./range.js";
import { Timeline } from "./rows.js";
import { keepZone } from "./zone.js";

const root = document.documentElement;
root.classList.add("scripts");
const profile = document.querySelector(".profile");
const contact = profile.dataset.contact;
const list = profile.querySelector(".list");
const toolbar = profile.querySelector(".toolbar");
const field = profile.querySelector("#search");
const failure = profile.querySelector(".failure");
const announcer = profile.querySelector(".announcer");
const total = profile.querySelector(".total");
const timeline = new Timeline(list);

function filters() {
  const now = new URLSearchParams(location.search);
  const kept = new URLSearchParams();
  now.getAll("name").forEach((name) => kept.append("name", name));
  for (const key of ["q", "since", "until", "changes", "as_of"]) if (now.get(key)) kept.set(key, now.get(key));
  return kept;
}

// --- The page anew: other filters, another zone, or too much has happened ---

let turning = null;
let live = null;

async function fetchPage(url, signal) {
  const answer = await fetch(url, { signal });
  if (!answer.ok || answer.redirected) throw Object.assign(new Error("refused"), { status: answer.redirected ? 401 : answer.status });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function replacePart(page, selector) {
  const [now, then] = [profile.querySelector(selector), page.querySelector(selector)];
  if (now && then) now.replaceWith(then);
  else if (now) now.remove();
  else if (then && selector === ".histogram") profile.querySelector(".views").before(then);
}

function turn(url, { push = false, replace = false } = {}) {
  turning?.abort();
  turning = new AbortController();
  const { signal } = turning;
  list.before(failure);
  live?.listRequested();
  return load(
    async () => {
      const page = await fetchPage(url, signal);
      const open = new Set([...list.querySelectorAll(".event > details[open]")].map((details) => details.parentElement.dataset.id));
      if (push) history.pushState(null, "", url);
      else if (replace) history.replaceState(null, "", url);
      root.dataset.zone = page.documentElement.dataset.zone;
      list.replaceChildren(...page.querySelector(".list").childNodes);
      list.querySelectorAll(".event").forEach((row) => { row.firstElementChild.open ||= open.has(row.dataset.id); });
      replacePart(page, ".histogram");
      replaceViews(page);
      replaceBanner(page);
      replacePart(page, ".identity");
      replaceFilters(page);
      for (const part of [".total", ".zone-name"]) profile.querySelector(part).textContent = page.querySelector(part).textContent;
      const shown = list.querySelectorAll(".event").length;
      announcer.textContent = shown === 1 ? "1 event shown" : `${shown} events shown`;
      enableRange(profile.querySelector(".histogram"), rangeHooks);
      watchEnd();
      live?.listReplaced();
    },
    { place: (waiting) => list.replaceChildren(waiting), failure },
  );
}

function replaceFilters(page) {
  const then = page.querySelector(".toolbar");
  toolbar.hidden = then.hidden;
  toolbar.querySelectorAll(":scope > :not(.field)").forEach((element) => element.remove());
  toolbar.append(...[...then.children].filter((element) => !element.matches(".field")));
  fitChips();
}

// Its way back to now keeps the filters.
function replaceBanner(page) {
  const [now, then] = [document.querySelector(".then"), page.querySelector(".then")];
  if (now && then) now.replaceWith(then);
}

function replaceViews(page) {
  const open = profile.querySelector(".dates")?.open;
  replacePart(page, ".views");
  if (open) profile.querySelector(".dates").open = true;
}

// --- Days: by the bars, by their links, by two fields ---

const rangeHooks = {
  say: (text) => { announcer.textContent = text; },
  choose(since, until) {
    const query = filters();
    query.set("since", since);
    query.set("until", until);
    return turn(`/contacts/${contact}?${query}`, { push: true });
  },
};
enableRange(profile.querySelector(".histogram"), rangeHooks);

profile.addEventListener("submit", (submit) => {
  if (!submit.target.matches(".dates form")) return;
  submit.preventDefault();
  const query = new URLSearchParams([...new FormData(submit.target)].filter(([, value]) => value));
  turn(`/contacts/${contact}${query.size ? `?${query}` : ""}`, { push: true });
});

profile.addEventListener("click", (click) => {
  const link = click.target.closest("a.changes-toggle");
  if (!link || click.ctrlKey || click.metaKey || click.shiftKey) return;
  click.preventDefault();
  turn(link.href, { push: true }).then(() => profile.querySelector("a.changes-toggle")?.focus());
});

toolbar.addEventListener("click", (click) => {
  const link = click.target.closest("a");
  if (!link || click.ctrlKey || click.metaKey || click.shiftKey) return;
  click.preventDefault();
  if (link.matches(".clear")) field.value = "";
  const focused = document.activeElement === link;
  turn(link.href, { push: true }).then(() => {
    if (!focused) return;
    const same = [...toolbar.querySelectorAll(".chip:not([hidden])")].find((chip) => chip.title === link.title);
    (same ?? toolbar.querySelector(".more summary") ?? field).focus();
  });
});

// As many chips as fit in one row; those that do not are under "More".
function fitChips() {
  const chips = [...toolbar.querySelectorAll(".chip")];
  const more = toolbar.querySelector(".more");
  if (!more) return;
  chips.forEach((chip) => { chip.hidden = false; });
  more.hidden = more.querySelectorAll("a").length <= chips.length;
  const isOver = () => getComputedStyle(toolbar.querySelector(".chips")).display !== "contents"
    && chips.some((chip) => !chip.hidden && chip.offsetTop > chips[0].offsetTop);
  if (isOver()) more.hidden = false; // takes room of its own
  for (let last = chips.length - 1; last > 0 && isOver(); last--) chips[last].hidden = true;
}
addEventListener("resize", fitChips);
fitChips();

let typing = null;
function search() {
  clearTimeout(typing);
  const query = filters();
  query.delete("q");
  if (field.value.trim()) query.set("q", field.value.trim());
  const url = `/contacts/${contact}${query.size ? `?${query}` : ""}`;
  if (url === location.pathname + location.search) return;
  turn(url, { push: !filters().has("q"), replace: true }); // one step back undoes the whole search
}
field.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(search, 250);
});
toolbar.addEventListener("submit", (submit) => {
  submit.preventDefault();
  search();
});
addEventListener("popstate", () => {
  field.value = filters().get("q") ?? "";
  turn(location.href);
});

// --- Older events, as the reader comes near the end ---

const observer = new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting)) showOlder();
}, { rootMargin: "800px" });

// A search that finds nothing in a long stretch goes on only when asked: it would read the whole timeline.
function watchEnd(found = list.querySelector(".event") !== null) {
  observer.disconnect();
  const end = list.querySelector(":scope > .older");
  if (end && found) observer.observe(end);
}

let fetching = false;
async function showOlder() {
  const link = timeline.older;
  if (!link || fetching) return;
  fetching = true;
  list.after(failure);
  await load(
    async () => {
      const fragment = await fetchFragment(link.dataset.fragment);
      const found = fragment.querySelector(".event") !== null;
      timeline.append(fragment);
      watchEnd(found);
    },
    { place: (waiting) => list.append(waiting), failure },
  );
  fetching = false;
}

list.addEventListener("click", async (click) => {
  const link = click.target.closest("a");
  if (!link || click.ctrlKey || click.metaKey || click.shiftKey) return;
  if (link.matches(".older a")) {
    click.preventDefault();
    showOlder();
  } else if (link.matches("a.full")) {
    click.preventDefault();
    showWhole(link.closest(".event"));
  }
});

function showWhole(row) {
  list.before(failure);
  return load(
    async () => {
      const query = new URLSearchParams({ id: row.dataset.id, full: "1" });
      const fragment = await fetchFragment(`/contacts/${contact}/rows?${query}`);
      const body = fragment.querySelector(".body");
      body.querySelectorAll(".long").forEach((value) => { value.open = true; });
      row.querySelector(".body").replaceWith(body);
      row.querySelector("summary").focus({ preventScroll: true });
    },
    { failure },
  );
}

// --- What happens now ---

function bump(element) {
  const count = Number(element.textContent.replaceAll(/\D/g, "")) + 1;
  element.textContent = count.toLocaleString("en-GB");
}

function counted(event) {
  if (!event.hidden) bump(total);
  const known = [...toolbar.querySelectorAll("a[title]")].filter((chip) => chip.title === event.shown_as);
  known.forEach((chip) => bump(chip.querySelector(".count")));
  refreshIdentity();
}

let identityTimer = null;
function refreshIdentity() {
  clearTimeout(identityTimer);
  identityTimer = setTimeout(async () => {
    try {
      profile.querySelector(".identity").replaceChildren(await fetchFragment(`/contacts/${contact}/identity`));
    } catch { /* what is there stays; the next change tries again */ }
  }, 300);
}

let changedTimer = null;
function showChanges() {
  changedTimer = null;
  if (scrollY < 80 && !list.contains(document.activeElement) && !list.querySelector("details[open]")) turn(location.href);
}

if (!profile.matches(".is-past")) live = new Live({ // the past does not change
  contact,
  position: profile.dataset.position,
  timeline,
  pill: profile.querySelector(".pill"),
  bar: profile.querySelector(".delayed"),
  hooks: {
    filters,
    counted,
    changed() {
      refreshIdentity();
      if (filters().has("changes")) changedTimer ??= setTimeout(showChanges, 500);
    },
    fits(event) {
      const day = dayIn(root.dataset.zone, event.occurred_at);
      return !(day < filters().get("since")) && !(filters().get("until") && day > filters().get("until"));
    },
    isOffTop: () => list.querySelector(":scope > .newer") !== null,
    reread: () => turn(`/contacts/${contact}${filters().size ? `?${filters()}` : ""}`, { push: true }),
    inserted(rows) {
      if (toolbar.hidden) turn(location.href);
      const titles = rows.map((row) => row.querySelector(".title").textContent);
      if (titles.length) announcer.textContent = `New: ${titles.join(", ")}`;
    },
  },
});

// --- Small things ---

document.addEventListener("click", (click) => {
  if (click.target.closest(".custom-data .all")) profile.querySelector(".identity").classList.add("unfolded");
  const more = profile.querySelector(".more[open]");
  if (more && !more.contains(click.target)) more.open = false;
});
document.addEventListener("keydown", (press) => {
  const more = profile.querySelector(".more[open]");
  if (press.key === "Escape" && more) {
    more.open = false;
    more.querySelector("summary").focus();
  } else if (press.key === "/" && !press.target.closest("input, textarea") && !toolbar.hidden) {
    press.preventDefault();
    field.focus();
  }
});

enableCopying(contact);
enableArrows(list);
keepFresh();
watchEnd();
const target = list.querySelector(".event.target");
if (target) {
  target.scrollIntoView({ block: "center" });
  target.querySelector("summary").focus({ preventScroll: true });
}
if (keepZone()) turn(location.href);
