// Copying: an id, an event as JSON, the link to an event. Says "Copied" where the reader looks.

async function put(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { /* not allowed in this frame: the old way below still may be */ }
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hidden";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}

function confirm(button, copied) {
  const announcer = document.querySelector(".announcer");
  if (announcer) announcer.textContent = copied ? "Copied" : "Could not copy";
  button.classList.toggle("copied", copied);
  const isWord = !button.querySelector("svg");
  const before = button.dataset.label ?? button.textContent;
  if (isWord) {
    button.dataset.label = before;
    button.textContent = copied ? "Copied" : "Could not copy";
  }
  setTimeout(() => {
    button.classList.remove("copied");
    if (isWord) button.textContent = before;
  }, 1500);
}

async function eventJson(row, contact) {
  const answer = await fetch(`/api/v1/contacts/${contact}/events/${encodeURIComponent(row.dataset.id)}`);
  if (!answer.ok) throw new Error(answer.status);
  return indented(await answer.text());
}

// Indents JSON without reading it: a number keeps all the digits it was written with.
export function indented(json) {
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  return json.replace(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|\s+/g, (token) => {
    if (token[0] === '"') return token;
    if (!token.trim()) return "";
    if (token.length > 1) return token.replace(/\s+/, "");
    if (token === "{" || token === "[") return depth++, token + line();
    if (token === "}" || token === "]") return depth--, line() + token;
    return token === "," ? token + line() : ": ";
  });
}

export function enableCopying(contact) {
  document.addEventListener("click", async (click) => {
    const button = click.target.closest("[data-copy], .copy-json, .copy-link");
    if (!button || click.ctrlKey || click.metaKey || click.shiftKey) return;
    click.preventDefault();
    try {
      let text = button.dataset.copy ?? button.href;
      if (button.matches(".copy-json")) text = await eventJson(button.closest(".event"), contact);
      confirm(button, await put(text));
    } catch {
      confirm(button, false);
    }
  });
}
