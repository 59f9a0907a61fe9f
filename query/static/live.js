// What arrives while the page is open: put in while the reader is at the top, counted in a pill while reading.

import { fetchFragment } from "./fragments.js";
import { findRow } from "./rows.js";
import { Stream } from "./stream.js";

const GATHER = 120; // events of one burst are fetched together
const MOST = 40; // beyond this the list is read anew
const QUIET = 10_000; // a connection lost for longer shows the bar

export function delayedBar(bar) {
  const text = bar.querySelector(".as-of");
  const time = (moment) =>
    new Intl.DateTimeFormat("en-GB", {
      hour: "2-digit", minute: "2-digit", timeZone: document.documentElement.dataset.zone || undefined,
    }).format(moment);
  let lost = null;
  return {
    show(moment) {
      text.textContent = time(moment);
      bar.hidden = false;
    },
    // What the server says of itself: are the timelines behind, and since when?
    position({ as_of: asOf, delayed }) {
      if (delayed && asOf) this.show(new Date(asOf));
      else bar.hidden = true;
    },
    connection(open) {
      clearTimeout(lost);
      if (open) {
        if (bar.dataset.reason === "connection") bar.hidden = true;
        bar.dataset.reason = "";
        return;
      }
      const since = new Date();
      lost = setTimeout(() => {
        if (!bar.hidden) return;
        bar.dataset.reason = "connection";
        this.show(since);
      }, QUIET);
    },
  };
}

export class Live {
  #contact; #timeline; #pill; #waiting = new Set(); #arrived = new Set(); #meanwhile = null; #uncounted = new Map(); #timer = null; #hooks;

  // hooks: counted(event), fits(event), inserted(rows), changed(), reread(), filters() -> URLSearchParams, isOffTop()
  constructor({ contact, position, timeline, pill, bar, hooks }) {
    this.#contact = contact;
    this.#timeline = timeline;
    this.#pill = pill;
    this.#hooks = hooks;
    const delayed = delayedBar(bar);
    new Stream(`/api/v1/contacts/${contact}/event-stream?include_hidden=true`, {
      after: position,
      state: (open) => delayed.connection(open),
      hear: (type, data) => {
        if (type === "event") this.#hear(data);
        else if (type === "contact") hooks.changed();
        else if (type === "reset") this.#rereadLater();
        else if (type === "position") delayed.position(data);
        else if (type === "refused" && data === 401) location.reload();
      },
    });
    pill.addEventListener("click", () => {
      document.querySelector(".timeline").scrollIntoView({ block: "start" });
      this.#put(true);
    });
    addEventListener("scroll", () => this.#waiting.size && this.#gather(), { passive: true });
  }

  #hear(event) {
    if (this.#arrived.has(event.id) || findRow(this.#timeline.list, event.id)) return;
    this.#arrived.add(event.id);
    this.#meanwhile?.push(event);
    this.#hooks.counted(event);
    if (!this.#fits(event)) return;
    this.#waiting.add(event.id);
    this.#gather();
  }

  // The list is about to be read anew: the answer may be older than what is heard until it is here.
  listRequested() {
    this.#meanwhile ??= [];
  }

  // It has been read: what the answer does not hold yet is put in once more, and counted once more when it is.
  listReplaced() {
    const missing = (this.#meanwhile ?? []).filter((event) => this.#fits(event) && !findRow(this.#timeline.list, event.id));
    this.#meanwhile = null;
    this.#uncounted = new Map(missing.map((event) => [event.id, event]));
    missing.forEach((event) => this.#waiting.add(event.id));
    if (missing.length) this.#gather();
  }

  // Names are told apart here; what a search text finds, the server decides.
  #fits(event) {
    const names = this.#hooks.filters().getAll("name");
    const asked = names.length ? names.includes(event.name) || names.includes(event.shown_as) : !event.hidden;
    return asked && this.#hooks.fits(event);
  }

  #gather() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#put(false), GATHER);
  }

  // Nothing moves under somebody who reads: scrolled down, a row open, text selected, or the focus in a row.
  get #isReading() {
    const { list } = this.#timeline;
    const selection = getSelection();
    return (
      this.#hooks.isOffTop() ||
      list.getBoundingClientRect().top < -8 ||
      list.querySelector(".event > details[open]") !== null ||
      (list.contains(document.activeElement) && document.activeElement !== list) ||
      (!selection.isCollapsed && list.contains(selection.anchorNode))
    );
  }

  async #put(asked) {
    if (this.#waiting.size === 0) return;
    if (!asked && this.#isReading) return this.#showPill();
    if (this.#hooks.isOffTop() || this.#waiting.size > MOST) {
      this.#waiting.clear();
      this.#showPill();
      return this.#hooks.reread();
    }
    const ids = [...this.#waiting];
    const query = this.#hooks.filters();
    ids.forEach((id) => query.append("id", id));
    try {
      const fragment = await fetchFragment(`/contacts/${this.#contact}/rows?${query}`);
      ids.forEach((id) => this.#waiting.delete(id));
      const rows = this.#timeline.insert(fragment);
      for (const row of rows) {
        if (this.#uncounted.has(row.dataset.id)) this.#hooks.counted(this.#uncounted.get(row.dataset.id));
        const seen = row.closest(".run") ?? row;
        seen.classList.add("fresh");
        seen.addEventListener("animationend", () => seen.classList.remove("fresh"), { once: true });
      }
      this.#hooks.inserted(rows);
    } catch {
      setTimeout(() => this.#gather(), 3000); // they stay in the queue
    }
    this.#showPill();
  }

  #showPill() {
    const count = this.#waiting.size;
    this.#pill.hidden = count === 0;
    this.#pill.textContent = count === 1 ? "1 new event" : `${count} new events`;
  }

  #rereadLater() {
    if (!this.#isReading) return this.#hooks.reread();
    this.#pill.hidden = false;
    this.#pill.textContent = "New events";
    this.#pill.addEventListener("click", () => this.#hooks.reread(), { once: true });
  }
}
