// Reads values out under the pointer, zooms into what is dragged over, and moves through a chart by keyboard.

// Where the plot lies within the image, in its own units.
const LEFT = 70;
const RIGHT = 1088;
const WIDTH = 1100;
const SVG = "http://www.w3.org/2000/svg";
// A drag shorter than this is a click, in pixels.
const SHORTEST_DRAG = 8;

let values;

// The values of the metric, fetched once somebody points at a chart.
function load() {
  values ??= fetch(document.getElementById("values").href).then(async (answer) => {
    if (!answer.ok) throw new Error(answer.statusText);
    const lines = (await answer.text()).trim().split("\n").slice(1);
    return lines.map((line) => {
      const [offset, , time, baseline, canary] = line.split(",");
      const number = (text) => (text === "" ? NaN : Number(text));
      return { offset: Number(offset), time, baseline: number(baseline), canary: number(canary) };
    });
  });
  return values;
}

const shown = (number) => (Number.isNaN(number) ? "no value" : String(Number(number.toPrecision(6))));

function add(frame) {
  const svg = frame.querySelector("svg");
  const from = Number(frame.dataset.from);
  const to = Number(frame.dataset.to);
  const height = svg.viewBox.baseVal.height;
  const readout = document.createElement("p");
  readout.className = "readout sub";
  // Once is enough for all charts of a page.
  if (!document.querySelector(".readout")) readout.textContent = "Point at the chart to read values, drag to zoom.";
  frame.before(readout);
  const draw = (name) => {
    const element = document.createElementNS(SVG, name);
    element.setAttribute("class", name === "line" ? "cursor" : "brush");
    element.setAttribute("visibility", "hidden");
    svg.append(element);
    return element;
  };
  const brush = draw("rect");
  const cursor = draw("line");
  const set = (element, attributes) => {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  };
  const unit = (event) => {
    const box = svg.getBoundingClientRect();
    return Math.min(RIGHT, Math.max(LEFT, ((event.clientX - box.left) / box.width) * WIDTH));
  };
  const seconds = (x) => from + ((x - LEFT) / (RIGHT - LEFT)) * (to - from);
  const position = (offset) => LEFT + ((offset - from) / Math.max(1, to - from)) * (RIGHT - LEFT);
  let at;

  async function read(offset) {
    let points;
    try {
      points = (await load()).filter((point) => point.offset >= from && point.offset <= to);
    } catch {
      readout.textContent = "The values cannot be read at present.";
      return;
    }
    if (points.length === 0) return;
    const nearer = (best, point) =>
      Math.abs(point.offset - offset) < Math.abs(best.offset - offset) ? point : best;
    at = points.indexOf(points.reduce(nearer));
    show(points);
  }

  function show(points) {
    const point = points[at];
    const x = position(point.offset);
    set(cursor, { x1: x, x2: x, y1: 8, y2: height - 30, visibility: "visible" });
    const zone = localStorage.getItem("kayenta.tz") === "local";
    const time = zone ? new Date(point.time).toLocaleString() : point.time.replace("T", " ").replace("Z", " UTC");
    const difference = point.canary - point.baseline;
    readout.textContent = `${time}: baseline ${shown(point.baseline)}, canary ${shown(point.canary)}`
      + (Number.isNaN(difference) ? "" : `, difference ${difference > 0 ? "+" : ""}${shown(difference)}`);
  }

  let dragged;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragged = { x: unit(event), clientX: event.clientX };
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => {
    const x = unit(event);
    if (dragged) {
      const left = Math.min(dragged.x, x);
      set(brush, { x: left, width: Math.abs(dragged.x - x), y: 8, height: height - 38, visibility: "visible" });
    }
    read(seconds(x));
  });
  svg.addEventListener("pointerup", (event) => {
    const start = dragged;
    dragged = undefined;
    brush.setAttribute("visibility", "hidden");
    if (!start || Math.abs(event.clientX - start.clientX) < SHORTEST_DRAG) return;
    const ends = [start.x, unit(event)].map((x) => Math.round(seconds(x))).sort((a, b) => a - b);
    if (ends[0] === ends[1]) return;
    const address = new URL(location.href);
    address.searchParams.set("zoom", ends.join("-"));
    location.assign(address);
  });
  svg.addEventListener("pointercancel", () => {
    dragged = undefined;
    brush.setAttribute("visibility", "hidden");
  });
  frame.addEventListener("keydown", async (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (at === undefined) return read(from);
    const points = (await load()).filter((point) => point.offset >= from && point.offset <= to);
    at = Math.min(points.length - 1, Math.max(0, at + step));
    show(points);
  });
}

export function addReadouts() {
  if (!document.getElementById("values")) return;
  document.querySelectorAll("[data-from]").forEach(add);
}

// Pixels of a picture for each unit of the chart.
const SHARPNESS = 2;

// The chart that a link has as SVG, as PNG on white, and what the file is called.
async function picture(link) {
  const answer = await fetch(link.href);
  if (!answer.ok) throw new Error(answer.statusText);
  const name = /filename="(.*)\.svg"/.exec(answer.headers.get("content-disposition"))?.[1] ?? "chart";
  const image = new Image();
  // A data address, since the policy of the pages lets images come from nowhere else but the service.
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(await answer.text())}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth * SHARPNESS;
  canvas.height = image.naturalHeight * SHARPNESS;
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return [await new Promise((drawn) => canvas.toBlob(drawn, "image/png")), `${name}.png`];
}

// A button that saves the chart as PNG, beside the link to it as SVG.
export function addPictureButtons() {
  for (const link of document.querySelectorAll('a[href*="/metric.svg?"]')) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    const text = "Download the chart as PNG";
    button.textContent = text;
    button.addEventListener("click", async () => {
      try {
        const [png, name] = await picture(link);
        const save = document.createElement("a");
        save.href = URL.createObjectURL(png);
        save.download = name;
        save.click();
        setTimeout(() => URL.revokeObjectURL(save.href), 60_000);
      } catch {
        button.textContent = "The chart cannot be drawn as PNG";
        setTimeout(() => { button.textContent = text; }, 4000);
      }
    });
    link.after(" · ", button);
  }
}

// A button that copies what `read` gives; `name` is read out where its text says too little.
export function copyButton(text, read, name) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  if (name) button.setAttribute("aria-label", name);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(read());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Cannot copy";
    }
    setTimeout(() => { button.textContent = text; }, 2000);
  });
  return button;
}

// A button that copies, beside every query.
export function addCopyButtons() {
  if (!navigator.clipboard) return;
  for (const text of document.querySelectorAll(".query pre")) {
    const side = text.parentElement.querySelector("p span")?.textContent ?? "";
    text.before(copyButton("Copy", () => text.textContent, `Copy the query of ${side.toLowerCase()}`));
  }
}
