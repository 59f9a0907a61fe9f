// Searching while typing. Down goes into the results, Enter opens the first.

import { keepFresh } from "./ago.js";
import { fetchFragment, load } from "./fragments.js";
import { enableArrows } from "./keys.js";
import { keepZone } from "./zone.js";

document.documentElement.classList.add("scripts");
keepZone();
keepFresh();

const field = document.querySelector("#find");
const results = document.querySelector(".results");
const failure = document.querySelector(".failure");
const announcer = document.querySelector(".announcer");
const PAUSE = 150;
let running = null;
let timer = null;
let shown = field.value.trim();

async function search() {
  const text = field.value.trim();
  if (text === shown) return;
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const asked = new URLSearchParams(location.search); // filters stay
  asked.delete("cursor");
  asked.delete("q");
  if (text) asked.set("q", text);
  const query = asked.size ? `?${asked}` : "";
  await load(
    async () => {
      const fragment = await fetchFragment(`/find${query}`, { signal });
      results.replaceChildren(fragment);
      shown = text;
      history.replaceState(null, "", `/${query}`);
      const count = results.querySelectorAll("li").length;
      announcer.textContent = count === 1 ? "1 contact" : `${count} contacts`;
    },
    { place: (waiting) => results.replaceChildren(waiting), failure },
  );
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(search, PAUSE);
});

field.form.addEventListener("submit", async (submit) => {
  submit.preventDefault();
  clearTimeout(timer);
  await search();
  if (field.value.trim()) results.querySelector("a.row")?.click();
});

field.addEventListener("keydown", (press) => {
  const first = results.querySelector("a.row");
  if (press.key !== "ArrowDown" || !first) return;
  press.preventDefault();
  first.focus();
});

results.addEventListener("keydown", (press) => {
  if (press.key !== "ArrowUp" || press.target !== results.querySelector("a.row")) return;
  press.preventDefault();
  press.stopImmediatePropagation();
  field.focus();
});
enableArrows(results);
