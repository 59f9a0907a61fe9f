// The helpdesk's part of the sidebar: fetch a token from our own server, frame the sidebar with it, renew it when asked.
const { conversation, frameOrigin } = document.body.dataset;
const frame = document.querySelector(".beside iframe");
const trouble = document.querySelector(".trouble");

for (const time of document.querySelectorAll("time")) {
  const moment = new Date(time.dateTime);
  time.textContent = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  time.title = moment.toLocaleString();
}

async function mint() {
  const answer = await fetch(`/conversations/${conversation}/sidebar-token`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone }),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail ?? answer.statusText);
  return body;
}

async function show(use) {
  try {
    use(await mint());
    trouble.hidden = true;
  } catch (error) {
    trouble.textContent = `The sidebar cannot be opened: ${error.message}`;
    trouble.hidden = false;
  }
}

// The frame never renews its token itself. It asks, and we answer that frame and that origin alone.
addEventListener("message", (event) => {
  if (event.source !== frame.contentWindow || event.origin !== frameOrigin) return;
  if (event.data?.type !== "contact-events:token-wanted") return;
  show(({ token }) => event.source.postMessage({ type: "contact-events:token", token }, frameOrigin));
});

show(({ url }) => { frame.src = url; });

document.querySelector(".reply").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.querySelector("textarea");
  if (!field.value.trim()) return;
  const line = document.createElement("li");
  line.className = "ours";
  const bubble = document.createElement("div");
  bubble.className = "bubble";
  bubble.dir = "auto";
  bubble.textContent = field.value;
  const by = document.createElement("span");
  by.className = "by";
  by.textContent = `You · ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
  line.append(bubble, by);
  document.querySelector(".lines").append(line);
  line.scrollIntoView({ block: "end" });
  field.value = "";
});

document.querySelector(".reply textarea").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) event.target.form.requestSubmit();
});
