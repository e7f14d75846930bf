// Keeps a page up to date: listens to changes, lets htmx fetch the page again and update in place
// the parts that differ. All pages also work without this script.
"use strict";

const CROWD = 1000; // ms between two refreshes, however many changes there are
const EVERY = 2000; // ms between two without a stream of changes, or while a time is counted
const CALM = 5000; // ms between two while nothing happens
const FORM_PATIENCE = "60s"; // for the answer to a form: the request may still be carried out
const PATIENCE = 5000; // ms without an answer until the page reports it

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const page = () => document.getElementById("page");

// --- times ---

let offset = 0; // the node's clock minus this one's, in ms
const nodeNow = () => Date.now() + offset;

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

const UTC_ALONE = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

// Takes an instant as a text with its zone, or as milliseconds since 1970.
function inBothZones(instant) {
  const moment = new Date(instant);
  if (Number.isNaN(moment.valueOf())) return instant;
  const utc = moment.toISOString().replace("T", " ").replace(".000Z", "").replace("Z", "");
  return `${utc} UTC\n${local.format(moment)} here`;
}

document.addEventListener("pointerover", ({ target }) => {
  const time = target.closest("time[datetime*=T], [data-since], [data-until], [data-clock]");
  const { since, until } = time?.dataset ?? {};
  if (time) time.title = inBothZones(time.dateTime ?? Number(since ?? until ?? nodeNow()));
  const titled = target.closest("[title]");
  if (titled) titled.title = titled.title.replace(UTC_ALONE, inBothZones);
  const told = target.closest("svg a, svg g")?.querySelector("title");
  if (told) told.textContent = told.textContent.replace(UTC_ALONE, inBothZones);
});

// --- when to refresh ---

let stream = null; // one per page, open while the page is visible
let looked = Date.now();
let due = 0;

const isTold = () => stream?.readyState === EventSource.OPEN;
const isCalm = () => isTold() && !document.querySelector("[data-since]");

function refresh() {
  looked = Date.now();
  clearTimeout(due);
  due = setTimeout(refresh, isCalm() ? CALM : EVERY);
  return document.hidden ? null : htmx.ajax("GET", location.href, { source: "#page" });
}

function soon() {
  clearTimeout(due);
  due = setTimeout(refresh, Math.max(0, looked + CROWD - Date.now()));
}

function hear({ data }) {
  const { about } = page().dataset;
  const { id, task_id } = JSON.parse(data);
  if (!about || !id || about === id || about === task_id) soon();
}

function listen() {
  stream?.close();
  const { events } = page().dataset;
  stream = document.hidden || !events ? null : new EventSource(events);
  for (const kind of ["run", "task", "node", "reset"]) stream?.addEventListener(kind, hear);
}

// --- outcomes and errors ---

let heard = Date.now();

// Shows that the page is outdated, once there was no good answer for a while.
function contact(trouble) {
  if (!trouble) heard = Date.now();
  const lost = document.getElementById("lost");
  if (trouble) lost.querySelector("[data-why]").textContent = trouble;
  lost.hidden = !trouble || Date.now() - heard < PATIENCE;
}

// Shows that the request of a button failed.
function refuse(trouble) {
  const refused = document.getElementById("refused");
  refused.querySelector("[data-why]").textContent = trouble;
  refused.hidden = !trouble;
  if (trouble) refused.scrollIntoView({ block: "nearest" });
}

// Shows the outcome of a form, like the page that the form leads to.
function say(text) {
  const said = new DOMParser().parseFromString(text, "text/html").querySelector("#said");
  if (said?.childElementCount) document.getElementById("said").replaceChildren(...said.children);
}

// Shows the errors of a form next to its fields.
function mark(form, text) {
  for (const old of form?.querySelectorAll(".mistake") ?? []) old.remove();
  for (const old of form?.querySelectorAll("[aria-invalid]") ?? []) {
    old.removeAttribute("aria-invalid");
    old.removeAttribute("aria-describedby");
  }
  const answer = new DOMParser().parseFromString(text, "text/html");
  for (const one of answer.querySelectorAll("[data-field]")) {
    const field = form?.elements?.namedItem(one.dataset.field);
    if (!field) continue;
    const folded = field.closest("details");
    if (folded) folded.open = true;
    const said = document.createElement("span");
    said.className = "mistake";
    said.id = `mistake-${one.dataset.field}`;
    said.textContent = one.textContent;
    field.after(said);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", said.id);
    if (form.querySelector("[aria-invalid]") === field) field.focus();
  }
}

const fails = ({ request }, trouble) => (request.method === "GET" ? contact(trouble) : refuse(trouble));

function problemIn(text) {
  const problem = new DOMParser().parseFromString(text, "text/html").querySelector("[data-problem]");
  return problem?.dataset.problem ?? "Something else answers at this address.";
}

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.request.method !== "GET") ctx.request.timeout = FORM_PATIENCE;
});
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.request.method === "GET") return;
  refuse("");
  document.getElementById("said").replaceChildren();
});
document.addEventListener("htmx:error", ({ detail: { ctx } }) => fails(ctx, "The node does not answer."));
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  fails(ctx, problemIn(ctx.text));
  mark(ctx.sourceElement?.closest?.("form"), ctx.text);
});
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (ctx.response.status < 400 && ctx.text.includes('id="page"')) return;
  if (ctx.response.status < 400) fails(ctx, problemIn(ctx.text));
  event.preventDefault();
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  contact("");
  offset = Number(page().dataset.now) - Date.now();
  if (ctx.request.method !== "GET") {
    for (const one of all(":popover-open")) one.hidePopover();
    say(ctx.text);
  }
  tick();
});

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-dismiss]")) document.getElementById("said").replaceChildren();
});

// --- begin ---

// Opens the dialog that the hash of the URL names, once.
function openNamed() {
  const named = location.hash ? document.getElementById(location.hash.slice(1)) : null;
  const opener = named?.popover ? document.querySelector(`[popovertarget="${CSS.escape(named.id)}"]`) : null;
  if (!opener?.checkVisibility()) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  opener.focus();
  named.showPopover({ source: opener });
}

openNamed();
const isWaiting = document.querySelector("[data-again]"); // during an outage of the ledger
if (page().dataset.now || isWaiting) {
  if (!isWaiting) offset = Number(page().dataset.now) - Date.now();
  setInterval(tick, 250);
  listen();
  due = setTimeout(refresh, EVERY);
  document.addEventListener("visibilitychange", () => {
    listen();
    if (!document.hidden) refresh();
  });
}
