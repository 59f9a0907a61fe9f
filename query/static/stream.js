// Server-sent events by fetch, which can carry a token in a header: an EventSource cannot. Comes back by itself.

const SILENCE = 45_000; // the server says something every 15 s
const LONGEST_PAUSE = 30_000;
const UNSEEN = 60_000;

export class Stream {
  #url; #token; #hear; #state; #lastId = ""; #pause = 1000; #abort = null; #stopped = false;

  // `after`: the position up to which the page tells already; the server goes on from there, so that nothing is missed.
  // hear(type, data) is called for each event; state(open) when the connection comes and goes.
  constructor(url, { token = null, after = "", hear, state = () => {} }) {
    this.#url = url;
    this.#lastId = after;
    this.#token = token;
    this.#hear = hear;
    this.#state = state;
    addEventListener("online", () => this.#again());
    document.addEventListener("visibilitychange", () => this.#rest());
    this.#run();
  }

  set token(token) {
    this.#token = token;
  }

  stop() {
    this.#stopped = true;
    this.#abort?.abort();
  }

  #again() {
    this.#pause = 1000;
    this.#wake?.();
  }

  // A page that nobody sees gives its stream back after a while; the server sends what it missed when it is seen again.
  #rest() {
    clearTimeout(this.#hidden);
    if (document.hidden) {
      this.#hidden = setTimeout(() => {
        this.#resting = true;
        this.#abort?.abort();
      }, UNSEEN);
    } else {
      this.#resting = false;
      this.#again();
    }
  }

  #wake = null; #hidden = null; #resting = false;

  async #run() {
    while (!this.#stopped) {
      try {
        await this.#listen();
      } catch (error) {
        if (error.status === 401 || error.status === 403 || error.status === 404) this.#hear("refused", error.status);
      }
      if (this.#stopped) return;
      if (!this.#resting) this.#state(false);
      const pause = this.#pause * (0.75 + Math.random() / 2); // not all pages at once after a restart
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
      await new Promise((resolve) => {
        this.#wake = resolve;
        if (!this.#resting) setTimeout(resolve, pause);
      });
      this.#wake = null;
    }
  }

  async #listen() {
    this.#abort = new AbortController();
    const headers = { Accept: "text/event-stream" };
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    if (this.#lastId) headers["Last-Event-ID"] = this.#lastId;
    let watchdog = setTimeout(() => this.#abort.abort(), SILENCE);
    try {
      const answer = await fetch(this.#url, { headers, signal: this.#abort.signal, cache: "no-store" });
      if (!answer.ok) throw Object.assign(new Error("refused"), { status: answer.status });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        this.#state(true);
        this.#pause = 1000;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => this.#abort.abort(), SILENCE);
        text += value.replaceAll("\r\n", "\n");
        let end;
        while ((end = text.indexOf("\n\n")) >= 0) {
          this.#dispatch(text.slice(0, end));
          text = text.slice(end + 2);
        }
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  #dispatch(block) {
    let type = "message";
    const data = [];
    for (const line of block.split("\n")) {
      const [, field, value] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (field === "event") type = value;
      else if (field === "data") data.push(value ?? "");
      else if (field === "id") this.#lastId = value ?? "";
    }
    if (data.length === 0) return;
    try {
      this.#hear(type, JSON.parse(data.join("\n")));
    } catch (error) {
      console.error(error);
    }
  }
}
