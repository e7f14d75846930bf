// Keeps a page up to date: fetches it again every two seconds and puts the regions marked
// `data-live` in place of the old ones. Everything also works without this script.
"use strict";

const EVERY = 2000; // ms between two fetches
const PATIENCE = 5000; // ms without an answer until the page says so
const LONGEST_LOG = 2000; // lines kept on the page
const LONGEST_LINE = 4000; // characters of a line

let offset = 0; // the node's clock minus this one's, in ms
let heard = Date.now();
const known = new Map(); // region id -> what the node sent last

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const nodeNow = () => Date.now() + offset;

// --- times ---

function span(ms) {
  const seconds = Math.max(ms, 0) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

const wholeSeconds = (ms) => (ms < 10000 ? Math.floor(Math.max(ms, 0) / 1000) * 1000 : ms);

function tick() {
  const now = nodeNow();
  for (const one of all("[data-since]")) one.textContent = span(now - Number(one.dataset.since));
  for (const one of all("[data-until]")) {
    const left = Number(one.dataset.until) - now;
    one.textContent = left <= 0 ? "now" : left < 10000 ? `${Math.ceil(left / 1000)} s` : span(wholeSeconds(left));
  }
  for (const one of all("[data-clock]")) one.textContent = new Date(now).toISOString().slice(11, 19);
}

const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

function addLocalTimes(root) {
  for (const one of all("time[datetime]", root)) {
    const moment = new Date(one.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const utc = moment.toISOString().replace("T", " ").replace(".000Z", "").replace("Z", "");
    one.title = `${utc} UTC\n${local.format(moment)} here`;
  }
}

// --- regions ---

// What changes with every second is counted on here, and no reason to touch the page.
function essence(region) {
  const copy = region.cloneNode(true);
  for (const one of all("[data-since], [data-until], [data-clock]", copy)) one.textContent = "";
  return copy.innerHTML;
}

// How to find the element in focus again after its region was replaced.
function nameOf(element) {
  if (element.matches("a[href]")) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  const form = element.closest("form[action]");
  return form ? `form[action="${CSS.escape(form.getAttribute("action"))}"] button` : null;
}

function replace(old, fresh) {
  const focused = old.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  const open = all("details", old).map((one) => one.open);
  old.replaceChildren(...fresh.childNodes);
  all("details", old).forEach((one, index) => { one.open = open[index] ?? one.open; });
  if (focused) old.querySelector(focused)?.focus({ preventScroll: true });
  addLocalTimes(old);
}

function isSelectedIn(region) {
  const selection = document.getSelection();
  return !selection.isCollapsed && region.contains(selection.anchorNode);
}

function show(page) {
  const stamp = page.querySelector("[data-now]");
  if (!stamp) return false;
  offset = Number(stamp.dataset.now) - Date.now();
  const regions = (root) => all("[data-live]", root).map((one) => one.id).join();
  if (regions(document) !== regions(page)) replace(document.querySelector("main"), page.querySelector("main"));
  for (const fresh of all("[data-live]", page)) {
    const old = document.getElementById(fresh.id);
    const now = essence(fresh);
    if (known.get(fresh.id) === now || isSelectedIn(old)) continue;
    known.set(fresh.id, now);
    replace(old, fresh);
  }
  document.title = page.title;
  tick();
  return true;
}

// --- contact ---

// Says that the page is old, once there was no good answer for a while.
function contact(trouble) {
  if (!trouble) heard = Date.now();
  const lost = document.getElementById("lost");
  if (trouble) lost.querySelector("[data-why]").textContent = trouble;
  lost.hidden = !trouble || Date.now() - heard < PATIENCE;
}

// Says that what a button asked for was not done.
function refuse(trouble) {
  const refused = document.getElementById("refused");
  refused.querySelector("[data-why]").textContent = trouble ?? "";
  refused.hidden = !trouble;
}

async function take(response) {
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const problem = page.querySelector("[data-problem]")?.dataset.problem;
  if (problem) return problem;
  return show(page) ? null : "Something else answers at this address";
}

async function refresh() {
  try {
    const response = await fetch(location.href, {
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(PATIENCE),
    });
    contact(await take(response));
  } catch {
    contact("The node does not answer");
  }
  await readLog();
}

async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, EVERY);
}

// --- buttons ---

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  event.preventDefault();
  const button = form.querySelector("button");
  if (button.hasAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  refuse(null);
  try {
    const headers = { Accept: "text/html" };
    refuse(await take(await fetch(form.action, { method: "POST", headers })));
  } catch {
    refuse("The node does not answer.");
  } finally {
    button.removeAttribute("aria-busy");
  }
});

// --- the log of a run ---

const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]/gu;
const LEVELS = new Set(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "STDOUT", "STDERR"]);

function inert(text) {
  return text.slice(0, LONGEST_LINE).replace(UNSEEN, (char) => {
    const code = char.charCodeAt(0);
    return code < 32 ? String.fromCharCode(0x2400 + code) : "\ufffd";
  });
}

function logLine(line) {
  const item = document.createElement("li");
  item.className = `level-${LEVELS.has(line.level) ? line.level.toLowerCase() : "info"}`;
  const time = document.createElement("time");
  time.dateTime = line.at;
  time.textContent = line.at.slice(11, 19);
  const level = document.createElement("b");
  level.textContent = inert(line.level);
  const text = document.createElement("span");
  text.textContent = inert(line.text);
  item.append(time, level, text);
  return item;
}

async function readLog() {
  const log = document.querySelector("[data-log]");
  if (!log) return;
  try {
    const response = await fetch(`${log.dataset.log}?after=${log.dataset.after}`, {
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (!response.ok) return;
    const lines = await response.json();
    if (!lines.length) return;
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(...lines.map(logLine));
    const last = lines.at(-1);
    log.dataset.after = `${last.attempt}.${last.seq}`;
    while (log.children.length > LONGEST_LOG) log.firstElementChild.remove();
    addLocalTimes(log);
    if (follows) log.scrollTop = log.scrollHeight;
  } catch {
    // The page itself says when contact is lost.
  }
}

// --- begin ---

const stamp = document.querySelector("[data-now]");
if (stamp) {
  offset = Number(stamp.dataset.now) - Date.now();
  for (const region of all("[data-live]")) known.set(region.id, essence(region));
  addLocalTimes(document);
  const log = document.querySelector("[data-log]");
  if (log) log.scrollTop = log.scrollHeight;
  setInterval(tick, 250);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  setTimeout(keepFresh, EVERY);
}
