// The sidebar in a helpdesk's frame. Its token comes in the fragment of the address and lives only here, in memory.

import { keepFresh } from "./ago.js";
import { fetchFragment, skeleton } from "./fragments.js";
import { delayedBar } from "./live.js";
import { Stream } from "./stream.js";
import { browserZone } from "./zone.js";

const BEFORE_END = 60_000;
const ANSWER = 5_000;
const panel = document.querySelector("#panel");
const expired = document.querySelector(".expired");
const failure = document.querySelector(".failure");
const origins = panel.dataset.origins.split(" ").filter(Boolean);
document.documentElement.classList.add("scripts");

let token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
let stream = null;
let renewal = null;
let answer = null;
let reading = false;
let again = false;

async function show() {
  if (reading) {
    again = true;
    return;
  }
  reading = true;
  again = false;
  const waiting = skeleton();
  const timer = setTimeout(() => panel.querySelector(".panel") || panel.append(waiting), 300);
  try {
    const query = new URLSearchParams({ zone: browserZone() });
    render(await fetchFragment(`/embed/sidebar/panel?${query}`, { token }));
    failure.hidden = true;
    expired.hidden = true;
  } catch (error) {
    if (error.status === 401) askForToken();
    else if (error.status === 404) forget();
    else failure.hidden = false;
  } finally {
    clearTimeout(timer);
    waiting.remove();
    reading = false;
    if (again) show();
  }
}

// The contact was erased: nothing of it may stay on the screen.
function forget() {
  stream?.stop();
  const gone = document.createElement("p");
  gone.className = "blank";
  gone.textContent = "This contact is no longer there.";
  panel.replaceChildren(gone);
}

function render(fragment) {
  const fresh = fragment.querySelector(".panel");
  const before = panel.querySelector(".panel");
  const known = new Set([...panel.querySelectorAll(".lines [data-id]")].map((row) => row.dataset.id));
  if (before) {
    for (const row of fresh.querySelectorAll(".lines [data-id]")) row.classList.toggle("fresh", !known.has(row.dataset.id));
    if (before.querySelector(".rest")?.open) fresh.querySelector(".rest")?.setAttribute("open", "");
    const focused = panel.contains(document.activeElement) ? document.activeElement.closest("[data-id]")?.dataset.id : null;
    before.replaceWith(fresh);
    if (focused) fresh.querySelector(`.lines [data-id="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
  } else {
    panel.append(fresh);
  }
  const left = Date.parse(fresh.dataset.expires) - Date.now();
  clearTimeout(renewal);
  renewal = setTimeout(askForToken, Math.max(left - BEFORE_END, 1000));
  listen(fresh);
}

let delayed = null;
let gathering = null;
function listen(fresh) {
  delayed = delayedBar(fresh.querySelector(".delayed"));
  if (stream) return;
  const soon = () => {
    clearTimeout(gathering);
    gathering = setTimeout(show, 150);
  };
  stream = new Stream(`/api/v1/contacts/${fresh.dataset.contact}/event-stream`, {
    token,
    after: fresh.dataset.position,
    state: (open) => delayed.connection(open),
    hear: (type, data) => {
      if (["event", "contact", "reset"].includes(type)) soon();
      else if (type === "position") delayed.position(data);
      else if (type === "refused") askForToken();
    },
  });
}

// The page around us holds the helpdesk's session and so can mint a token; we cannot and must not.
function askForToken() {
  clearTimeout(answer);
  if (parent !== window) origins.forEach((origin) => parent.postMessage({ type: "contact-events:token-wanted" }, origin));
  answer = setTimeout(() => {
    const end = Date.parse(panel.querySelector(".panel")?.dataset.expires ?? 0);
    setTimeout(giveUp, Math.max(end - Date.now(), 0));
  }, ANSWER);
}

function giveUp() {
  const end = Date.parse(panel.querySelector(".panel")?.dataset.expires ?? 0);
  if (end > Date.now()) return;
  stream?.stop();
  stream = null;
  expired.hidden = false;
}

addEventListener("message", (message) => {
  if (message.source !== parent || !origins.includes(message.origin)) return;
  if (message.data?.type !== "contact-events:token" || typeof message.data.token !== "string") return;
  clearTimeout(answer);
  token = message.data.token;
  if (stream) stream.token = token;
  show();
});

failure.querySelector(".retry").addEventListener("click", show);
keepFresh();
if (token) show();
else askForToken();
