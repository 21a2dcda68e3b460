// Runs the document of the page through /graphql with the session of the browser.
"use strict";

const form = document.querySelector("form.run");
const [documentText, variablesText] = form.querySelectorAll("textarea");
const [run, stop] = form.querySelectorAll("button");
const answer = document.querySelector("#answer");
const state = document.querySelector("#state");
let running;

// A key of one's own for each wish; it stays in the form, so that pressing the button again is the same wish.
function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
variablesText.value = variablesText.value.replaceAll("<UUID>", freshKey);

function show(text, what) {
  answer.textContent = text;
  state.textContent = what;
}

async function ask() {
  let variables;
  try {
    variables = JSON.parse(variablesText.value || "{}");
  } catch (wrong) {
    show(String(wrong), "变量不是 JSON · the variables are not JSON");
    return;
  }
  running = new AbortController();
  run.disabled = true;
  stop.hidden = false;
  show("", "…");
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      signal: running.signal,
      headers: {
        "content-type": "application/json",
        accept: form.dataset.kind === "subscription" ? "text/event-stream" : "application/graphql-response+json",
        // Other sites' pages cannot send this header with the cookie.
        "x-fangpin-csrf": "1",
      },
      body: JSON.stringify({ query: documentText.value, variables }),
    });
    state.textContent = `HTTP ${response.status}`;
    if ((response.headers.get("content-type") || "").startsWith("text/event-stream")) {
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        answer.textContent += value;
      }
    } else {
      const text = await response.text();
      try {
        answer.textContent = JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        answer.textContent = text;
      }
    }
    if (response.status === 401 || answer.textContent.includes("UNAUTHENTICATED")) {
      state.textContent += " · 请先登录 sign in first: /login";
    }
  } catch (wrong) {
    state.textContent = running.signal.aborted ? "已停止 · stopped" : `没有得到答复 · no answer: ${wrong}`;
  } finally {
    run.disabled = false;
    stop.hidden = true;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
stop.addEventListener("click", () => running && running.abort());
