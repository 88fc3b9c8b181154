// All the script there is: parts that the server renders anew (htmx), parts it keeps current (server-sent events), both
// morphed in so that focus, selection, open details and scroll stay; ages that count; and a notice while any of it fails.

import htmx from "htmx.org";
import { Idiomorph } from "idiomorph";

Object.assign(htmx.config, {
  allowEval: false,
  allowScriptTags: false,
  includeIndicatorStyles: false,
  selfRequestsOnly: true,
  // Pages are kept by nobody: going back asks for the page again.
  historyCacheSize: 0,
  refreshOnHistoryMiss: true,
  scrollIntoViewOnBoost: false,
  responseHandling: [
    { code: "204", swap: false },
    { code: "[234]..", swap: true },
    { code: "...", swap: false, error: true },
  ],
});

// ---------------------------------------------------------------- morphing

// What the person did to an element stands, whatever the server renders: opened, ticked, typed.
const theirs = new Set(["open", "checked", "value", "selected"]);

function keep(name, element) {
  if (!theirs.has(name)) return true;
  return element.matches("input[type=hidden], button") || element.closest("[data-fresh]") !== null;
}

function unchanged(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) return true;
  if (old.hasAttribute("data-ours")) return false;
  return !(old.localName === "time" && fresh.localName === "time" && old.dateTime === fresh.dateTime);
}

function morph(target, content, style) {
  return Idiomorph.morph(target, content, {
    morphStyle: style,
    callbacks: { beforeAttributeUpdated: keep, beforeNodeMorphed: unchanged },
  });
}

htmx.defineExtension("morph", {
  isInlineSwap: (style) => style === "morph",
  handleSwap(style, target, fragment) {
    if (style !== "morph" && style !== "morph:innerHTML") return false;
    return morph(target, fragment.children, style === "morph" ? "outerHTML" : "innerHTML");
  },
});

// A page that says what is wrong replaces the whole of the one it answers, whatever part was asked for.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.status < 400 || detail.elt.hasAttribute("data-errors-in-place")) return;
  detail.target = document.getElementById("main");
  detail.selectOverride = "#main";
  detail.swapOverride = "outerHTML";
});

// What is left empty in a form that searches says nothing, so it is left out of the address.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get") return;
  for (const [name, value] of [...detail.formData.entries()]) {
    if (value === "") detail.formData.delete(name);
  }
});

// ---------------------------------------------------------------- what the notice says

// The age is no part of what is announced: it changes each second.
const notice = document.getElementById("notice");
const noticeText = document.getElementById("notice-text");
const noticeAge = document.getElementById("notice-age");
// Long enough to be read.
const toldFor = 10_000;
let failed = "";
let failedAt = 0;

function say(text, since) {
  noticeAge.hidden = since === null;
  if (since !== null) noticeAge.dateTime = new Date(since).toISOString();
  notice.hidden = text === "";
  if (noticeText.textContent !== text) noticeText.textContent = text;
}

function sayWhatIsWrong() {
  const behind = [...streams.values()].find((stream) => stream.lost !== null && Date.now() - stream.lost > patience);
  if (behind === undefined) return say(failed, null);
  say(`${behind.reason} It catches up by itself. What you see was so`, behind.current);
}

for (const event of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(event, () => {
    failedAt = Date.now();
    failed = "That got no answer. Try again; before you repeat a change, look whether it was made.";
    sayWhatIsWrong();
  });
}
document.addEventListener("htmx:afterSwap", () => {
  failed = "";
});

// ---------------------------------------------------------------- parts kept current

// The server says something every five seconds at least: when two of these are missing, nobody is there.
const silence = 11_000;
const patience = 2_000;
const pause = 2_000;
const streams = new Map();
const unconnected = "This page is not connected to its server.";
const crowded = "Too many of your pages are open, so this one is not kept current: close some.";

function connect() {
  for (const [element, stream] of streams) {
    if (!element.isConnected || element.dataset.live !== stream.url || document.hidden) drop(element, stream);
  }
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-live]")) {
    if (!streams.has(element)) open(element);
  }
}

function drop(element, stream) {
  stream.source?.close();
  clearTimeout(stream.retry);
  streams.delete(element);
}

function open(element) {
  const stream = { url: element.dataset.live, current: Date.now(), heard: Date.now(), lost: null, reason: "" };
  streams.set(element, stream);
  listen(element, stream);
}

function listen(element, stream) {
  const source = new EventSource(stream.url);
  stream.source = source;
  const on = (name, act) =>
    source.addEventListener(name, (event) => {
      stream.heard = Date.now();
      act(event);
      sayWhatIsWrong();
    });
  const isCurrent = () => {
    stream.current = Date.now();
    // Whoever answers this answers the next request too.
    if (stream.current - failedAt > toldFor) failed = "";
    stream.lost = null;
  };
  on("part", (event) => {
    isCurrent();
    show(element, event.data);
  });
  on("same", isCurrent);
  on("back", isCurrent);
  on("away", () => lose(stream, "The database does not answer."));
  // Signed out, or no longer there: a reload tells. What only stopped is asked again.
  on("end", (event) => {
    if (JSON.parse(event.data).status < 429) location.reload();
  });
  source.addEventListener("error", () => {
    lose(stream, stream.reason === crowded ? crowded : unconnected);
    // An answer other than a stream ends it for good, unless we begin again.
    if (source.readyState === EventSource.CLOSED) again(element, stream);
  });
}

function lose(stream, reason, since = Date.now()) {
  stream.lost ??= since;
  stream.reason = reason;
}

function again(element, stream) {
  stream.source.close();
  clearTimeout(stream.retry);
  stream.retry = setTimeout(async () => {
    if (streams.get(element) !== stream) return;
    if (await isSignedOut()) return location.reload();
    if (stream.source.readyState === EventSource.CLOSED) stream.reason = await whyRefused(stream.url);
    listen(element, stream);
  }, pause);
}

// An EventSource does not say how it was answered; only a request of our own tells.
async function whyRefused(url) {
  try {
    const answer = await fetch(url, { redirect: "manual", cache: "no-store" });
    await answer.body?.cancel();
    return answer.status === 429 ? crowded : unconnected;
  } catch {
    return unconnected;
  }
}

async function isSignedOut() {
  try {
    const answer = await fetch("/account", { method: "HEAD", redirect: "manual", cache: "no-store" });
    return answer.type === "opaqueredirect";
  } catch {
    return false;
  }
}

function show(element, html) {
  morph(element, html, "innerHTML");
  htmx.process(element);
  refresh();
}

let ticked = Date.now();

setInterval(() => {
  const now = Date.now();
  // While this machine slept nobody listened, so nothing was missed.
  const slept = now - ticked > 3_000;
  ticked = now;
  for (const [element, stream] of streams) {
    if (slept) stream.heard = now;
    if (now - stream.heard < silence) continue;
    lose(stream, unconnected, stream.heard);
    stream.heard = now;
    again(element, stream);
  }
  sayWhatIsWrong();
  countAges();
}, 1_000);

document.addEventListener("visibilitychange", connect);
window.addEventListener("pagehide", () => {
  for (const [element, stream] of streams) drop(element, stream);
});
window.addEventListener("pageshow", connect);

// ---------------------------------------------------------------- ages

// As app/page/words.py says them.
function aged(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

function countAges() {
  for (const time of document.querySelectorAll("time[data-age]")) {
    const distance = Date.now() - Date.parse(time.dateTime);
    const style = time.dataset.age;
    const text = style !== "ago" ? aged(distance) : distance < 0 ? `in ${aged(distance)}` : `${aged(distance)} ago`;
    if (time.textContent !== text) time.textContent = text;
  }
}

// ---------------------------------------------------------------- times by the reader's clock

const here = new Intl.DateTimeFormat("en", {
  weekday: "short",
  day: "2-digit",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});

function tellLocally() {
  for (const time of document.querySelectorAll("time[data-local]")) {
    const text = here.format(new Date(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

// ---------------------------------------------------------------- selections

// "12 selected", and the actions on them, follow the boxes of a form with data-selects.
function countSelected() {
  for (const form of document.querySelectorAll("form[data-selects]")) {
    const boxes = [...form.elements].filter((box) => box.type === "checkbox" && box.name === form.dataset.selects);
    const every = form.elements.all?.checked;
    const ticked = every ? Number(form.elements.all.value) : boxes.filter((box) => box.checked).length;
    form.classList.toggle("has-selection", ticked > 0);
    for (const place of form.querySelectorAll("[data-selected]")) place.textContent = String(ticked);
    for (const button of form.querySelectorAll("[data-needs-selection]")) button.disabled = ticked === 0;
    for (const all of form.querySelectorAll("[data-selects-all]")) {
      all.checked = ticked > 0 && ticked >= boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    }
  }
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-selects-all]")) {
    for (const box of target.form.elements) {
      if (box.type === "checkbox" && box.name === target.form.dataset.selects) box.checked = target.checked;
    }
  }
  countSelected();
});

// ---------------------------------------------------------------- small comforts

document.addEventListener("click", async ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
  const copy = target.closest("[data-copies]");
  if (copy === null) return;
  await navigator.clipboard.writeText(document.getElementById(copy.dataset.copies).textContent);
  copy.textContent = "Copied";
});

// A second click on a button that sends something is no second wish.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (Date.now() - Number(form.dataset.sent ?? 0) < 1_000) event.preventDefault();
  else form.dataset.sent = String(Date.now());
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  }
});

// While Postgres is away the page in its place looks whether it is back, and then shows what was asked for.
if (document.querySelector("[data-recovers]") !== null) {
  setInterval(async () => {
    const ready = await fetch("/readyz", { cache: "no-store" }).catch(() => null);
    if (ready?.ok) location.reload();
  }, pause);
}

// ---------------------------------------------------------------- after each change

function refresh() {
  connect();
  countAges();
  tellLocally();
  countSelected();
}

function begin() {
  for (const warning of document.querySelectorAll("[data-insecure]")) warning.hidden = window.isSecureContext;
  document.querySelector("[data-focus]")?.focus();
  refresh();
}

document.addEventListener("htmx:afterSettle", () => {
  document.querySelector("[data-focus]")?.focus();
  refresh();
});
begin();
