// Draws the figures of a task: a point for each run, hollow and larger if it did not succeed.
"use strict";

const HEIGHT = 190;
const plots = document.getElementById("plots");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let figures = null;
let drawn = [];

function inWords(seconds) {
  if (seconds == null) return "–";
  return seconds < 0.995 ? `${Math.round(seconds * 1000)} ms` : span(seconds * 1000);
}

const two = (number) => String(number).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// The day is shown under the first of its times.
function times(_, ticks) {
  let day = "";
  return ticks.map((tick) => {
    const at = new Date(tick * 1000);
    const before = day;
    day = `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
    return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}${day === before ? "" : `\n${day}`}`;
  });
}

function axis(label) {
  const line = { stroke: colour("--line"), width: 1 };
  const font = '12px system-ui, "Liberation Sans", sans-serif';
  return { stroke: colour("--muted"), grid: line, ticks: { show: false }, font, ...label };
}

function points(stroke, fill, size) {
  return { paths: () => null, points: { show: true, size, stroke, fill, width: 1.5 }, stroke };
}

function draw(place) {
  const values = figures[place.dataset.plot];
  const isGood = figures.state.map((state) => state === "succeeded");
  const good = values.map((value, index) => (isGood[index] ? value : null));
  const bad = values.map((value, index) => (isGood[index] ? null : value));
  const told = document.createElement("output");
  place.closest("section").querySelector("h2").after(told);
  const show = (plot) => {
    const { idx } = plot.cursor;
    told.textContent = idx == null ? "" : `${inWords(values[idx])}, ${figures.state[idx]} · ${inBothZones(Math.round(figures.at[idx]) * 1000).replace("\n", " · ")}`;
  };
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
    cursor: { y: false, drag: { x: true, y: false }, points: { show: false } },
    legend: { show: false },
    padding: [8, 12, 0, 0],
    scales: { y: { range: (_, __, most) => [0, most * 1.08 || 1] } },
    axes: [axis({ values: times, size: 40 }), axis({ size: 84, values: (_, ticks) => ticks.map(inWords) })],
    series: [{}, points(colour("--accent"), colour("--accent"), 4), points(colour("--bad-fill"), colour("--surface"), 8)],
    hooks: { setCursor: [show] },
  };
  place.replaceChildren();
  const plot = new uPlot(options, [figures.at, good, bad], place);
  place.dataset.drawn = plots.dataset.newest;
  return { plot, place, told };
}

function drawAll() {
  for (const { plot, told } of drawn) {
    plot.destroy();
    told.remove();
  }
  drawn = figures ? [...plots.querySelectorAll("[data-plot]")].map(draw) : [];
}

async function read() {
  const asked = plots.dataset.newest;
  const response = await fetch(plots.dataset.figures, { signal: AbortSignal.timeout(5000) });
  if (!response.ok) return;
  figures = await response.json();
  plots.dataset.read = asked;
  drawAll();
}

const readAgain = () => read().catch(() => {}); // the page itself shows when the connection is lost

if (plots) {
  readAgain();
  document.addEventListener("htmx:after:swap", () => {
    if (plots.isConnected && plots.querySelector("[data-drawn]")?.dataset.drawn !== plots.dataset.newest) readAgain();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("resize", () => {
    for (const { plot, place } of drawn) plot.setSize({ width: place.clientWidth, height: HEIGHT });
  });
}
