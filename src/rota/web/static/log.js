// The log of a run: reads new lines while it runs, filters by level and text, follows the end.
"use strict";

const LONGEST_LOG = 5000; // lines kept on the page
const LONGEST_LINE = 4000; // characters of a line
const CHUNK = 1000; // lines requested at once
const AT_END = 40; // pixels from the end that still count as there

const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]/gu;
const RANKS = { DEBUG: 0, INFO: 1, STDOUT: 1, WARNING: 2, STDERR: 2, ERROR: 3, CRITICAL: 4 };

const log = document.getElementById("lines");
const search = document.getElementById("log-search");
const level = document.getElementById("log-level");
const follow = document.getElementById("log-follow");

function inert(text) {
  return text.slice(0, LONGEST_LINE).replace(UNSEEN, (char) => {
    const code = char.charCodeAt(0);
    return code < 32 ? String.fromCharCode(0x2400 + code) : "\ufffd";
  });
}

function logLine(line) {
  const item = document.createElement("li");
  item.className = `level-${line.level in RANKS ? line.level.toLowerCase() : "info"}`;
  const time = document.createElement("time");
  time.dateTime = line.at;
  time.textContent = line.at.slice(11, 19);
  const name = document.createElement("b");
  name.textContent = inert(line.level);
  const text = document.createElement("span");
  text.textContent = inert(line.text);
  item.append(time, name, text);
  return item;
}

function sift(items) {
  const wanted = search.value.toLowerCase();
  const least = Number(level.value);
  for (const item of items) {
    const [, name, text] = item.children;
    const rank = RANKS[name.textContent] ?? 1;
    item.hidden = rank < least || !text.textContent.toLowerCase().includes(wanted);
  }
  const shown = log.querySelectorAll("li:not([hidden])").length;
  const count = log.childElementCount;
  document.getElementById("log-count").textContent = shown === count ? "" : `${shown} of ${count} lines`;
  document.getElementById("silent").hidden = count > 0;
}

function toEnd() {
  if (follow.checked) log.scrollTop = log.scrollHeight;
}

async function readOn() {
  let lines;
  do {
    const response = await fetch(`${log.dataset.log}?after=${log.dataset.after}&limit=${CHUNK}`, {
      signal: AbortSignal.timeout(5000),
    });
    if (!response.ok) return;
    lines = await response.json();
    const items = lines.map(logLine);
    log.append(...items);
    const last = lines.at(-1);
    if (last) log.dataset.after = `${last.attempt}.${last.seq}`;
    while (log.childElementCount > LONGEST_LOG) log.firstElementChild.remove();
    if (items.length) sift(items);
    toEnd();
  } while (lines.length === CHUNK);
}

let reading = false;
async function read() {
  if (reading || document.hidden) return;
  reading = true;
  try {
    await readOn();
  } catch {
    // The page itself shows when the connection is lost.
  } finally {
    reading = false;
  }
}

for (const one of [search, level]) one.addEventListener("input", () => sift(log.children));
follow.addEventListener("change", toEnd);
log.addEventListener("scroll", () => {
  follow.checked = log.scrollHeight - log.scrollTop - log.clientHeight < AT_END;
});
document.addEventListener("htmx:after:swap", read);
toEnd();
