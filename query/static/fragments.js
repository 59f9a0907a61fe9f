// Pieces of a page, rendered by the server and fetched: a skeleton after 300 ms, what was there stays when it fails.

export class Refused extends Error {
  constructor(status) {
    super(`refused: ${status}`);
    this.status = status;
  }
}

const PATIENCE = 300;
const DEADLINE = 15_000;

export async function fetchFragment(url, { token = null, signal = null } = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const deadline = AbortSignal.timeout(DEADLINE);
  const answer = await fetch(url, { headers, signal: signal ? AbortSignal.any([signal, deadline]) : deadline });
  if (!answer.ok) throw new Refused(answer.status);
  const template = document.createElement("template");
  template.innerHTML = await answer.text(); // our own server's rendering, in which all text is escaped
  return template.content;
}

export function skeleton() {
  const element = document.createElement("div");
  element.className = "skeleton";
  element.setAttribute("aria-hidden", "true");
  for (let line = 0; line < 6; line++) element.append(document.createElement("i"));
  return element;
}

// Runs a fetch; shows the skeleton if it takes long; on failure shows the bar, whose button tries again.
export async function load(work, { place = null, failure }) {
  failure.hidden = true;
  const waiting = skeleton();
  const timer = place && setTimeout(() => place(waiting), PATIENCE);
  try {
    return await work();
  } catch (error) {
    if (error.name === "AbortError") return null;
    if (error.status === 401 || error.status === 404) location.reload(); // to the sign-in page, or: it is gone
    failure.hidden = false;
    failure.querySelector(".retry").onclick = () => load(work, { place, failure });
    return null;
  } finally {
    clearTimeout(timer);
    waiting.remove();
  }
}
