// Days chosen on the histogram: by dragging over it, or with the arrows and Shift. Each bar is a link to its day as well.

const LENGTH = 86_400_000;
const utc = (day) => Date.parse(`${day}T00:00:00Z`);
const dayAt = (start, number) => new Date(utc(start) + number * LENGTH).toISOString().slice(0, 10);

// The calendar day of a moment in a zone, as 2026-11-24.
export function dayIn(zone, moment) {
  const parts = { year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone || undefined };
  return new Intl.DateTimeFormat("sv-SE", parts).format(new Date(moment));
}

function words(day) {
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }).format(utc(day));
}

function spoken(first, last) {
  return first === last ? words(first) : `${words(first)} \u2013 ${words(last)}`;
}

class Range {
  #svg; #start; #days; #picked; #hooks; #band = null; #from = null; #to = null; #dragged = false;

  constructor(figure, hooks) {
    this.#svg = figure.querySelector("svg");
    this.#start = figure.dataset.start;
    this.#days = Number(figure.dataset.days);
    this.#picked = figure.querySelector(".picked");
    this.#hooks = hooks;
    const svg = this.#svg;
    svg.addEventListener("pointerdown", (event) => this.#begin(event));
    svg.addEventListener("pointermove", (event) => this.#move(event));
    svg.addEventListener("pointerup", (event) => this.#end(event));
    svg.addEventListener("pointercancel", () => this.#drop());
    svg.addEventListener("dragstart", (event) => event.preventDefault());
    svg.addEventListener("click", (event) => this.#click(event));
    svg.addEventListener("keydown", (press) => this.#key(press));
  }

  #number(event) {
    const box = this.#svg.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    return Math.max(0, Math.min(this.#days - 1, Math.floor(part * this.#days)));
  }

  #begin(event) {
    if (event.button !== 0 || event.ctrlKey || event.metaKey) return;
    this.#from = this.#to = this.#number(event);
    this.#dragged = false;
  }

  #move(event) {
    if (this.#from === null || event.buttons === 0) return;
    const here = this.#number(event);
    if (here === this.#to && !this.#dragged) return;
    if (!this.#dragged) this.#svg.setPointerCapture(event.pointerId);
    this.#dragged = true;
    this.#to = here;
    this.#show();
  }

  #end(event) {
    if (this.#from === null) return;
    this.#to = this.#number(event);
    this.#apply();
  }

  // The click that ends a drag, or one on a bar, has been dealt with; Enter on a bar has not.
  #click(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (event.detail === 0) this.#apply(event.target.closest("a"));
  }

  #key(press) {
    const bars = [...this.#svg.querySelectorAll("a")];
    const here = bars.indexOf(press.target.closest("a"));
    if (press.key === "Escape") return this.#drop();
    if (press.key === " ") {
      press.preventDefault();
      return this.#apply(bars[here]);
    }
    const next = { ArrowLeft: bars[here - 1], ArrowRight: bars[here + 1], Home: bars[0], End: bars.at(-1) }[press.key];
    if (here < 0 || !(press.key.startsWith("Arrow") || press.key === "Home" || press.key === "End")) return;
    if (press.key === "ArrowUp" || press.key === "ArrowDown") return;
    press.preventDefault();
    if (!next) return;
    bars.forEach((bar) => bar.setAttribute("tabindex", bar === next ? "0" : "-1"));
    next.focus();
    if (!press.shiftKey) return this.#drop();
    this.#from ??= Number(bars[here].dataset.x);
    this.#to = Number(next.dataset.x);
    this.#show();
    this.#hooks.say(`${spoken(...this.#ends())}. Enter shows these days`);
  }

  #ends() {
    const [first, last] = [Math.min(this.#from, this.#to), Math.max(this.#from, this.#to)];
    return [dayAt(this.#start, first), dayAt(this.#start, last)];
  }

  #show() {
    if (!this.#band) {
      this.#band = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      this.#band.setAttribute("class", "chosen");
      this.#band.setAttribute("height", "40");
      this.#svg.querySelectorAll(".chosen").forEach((old) => old.remove());
      this.#svg.prepend(this.#band);
    }
    this.#band.setAttribute("x", Math.min(this.#from, this.#to));
    this.#band.setAttribute("width", Math.abs(this.#to - this.#from) + 1);
    this.#picked.textContent = spoken(...this.#ends());
  }

  #drop() {
    this.#from = this.#to = null;
    this.#band?.remove();
    this.#band = null;
    this.#picked.textContent = "";
  }

  #apply(bar = null) {
    if (this.#from === null) {
      if (!bar) return;
      this.#from = this.#to = Number(bar.dataset.x);
    }
    const [first, last] = this.#ends();
    const focused = this.#svg.contains(document.activeElement) ? document.activeElement.dataset.day : null;
    this.#show();
    this.#from = this.#to = null;
    this.#hooks.choose(first, last)?.then?.(() => {
      if (focused) document.querySelector(`.histogram a[data-day="${focused}"]`)?.focus();
    });
  }
}

export function enableRange(figure, hooks) {
  if (figure) new Range(figure, hooks);
}
