// Refreshes what is under way, shows times in the local zone on request, and listens to keys. Pages read without it.

import { addCopyButtons, addPictureButtons, addReadouts, copyButton } from "./chart.js";

const zone = new URLSearchParams(location.search).get("tz");
if (zone) localStorage.setItem("kayenta.tz", zone);
const local = () => localStorage.getItem("kayenta.tz") === "local";

function showTimes() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.dataset.utc ??= time.textContent;
    const at = new Date(time.dateTime);
    const pad = (number) => String(number).padStart(2, "0");
    time.textContent = local()
      ? `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}`
      : time.dataset.utc;
    time.title = local() ? `${time.dataset.utc.replace(/ UTC$/, "")} UTC` : "";
  }
  for (const zone of document.querySelectorAll("[data-zone]")) {
    zone.dataset.utc ??= zone.textContent;
    zone.textContent = local() ? zone.dataset.utc.replace("UTC", "local") : zone.dataset.utc;
  }
}

function offerZone() {
  const place = document.getElementById("zone");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.addEventListener("click", () => {
    localStorage.setItem("kayenta.tz", local() ? "utc" : "local");
    label();
    showTimes();
  });
  const label = () => {
    button.textContent = local() ? "Times in the local zone, show UTC" : "Times in UTC, show the local zone";
  };
  label();
  place.replaceChildren(button);
}

// The address shows what I see; the zone of the times is the only thing that it lacks.
function offerLink() {
  if (!navigator.clipboard) return;
  const button = copyButton("Copy the link", () => {
    const address = new URL(location.href);
    if (local()) address.searchParams.set("tz", "local");
    return address.href;
  });
  button.className = "link";
  document.getElementById("zone").after(button);
}

async function refresh() {
  const main = document.getElementById("content");
  const seconds = Number(main.dataset.live);
  if (!seconds) return;
  // Not while a filter is being filled in.
  if (!document.hidden && !main.contains(document.activeElement)) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("content");
        if (fresh) {
          main.replaceChildren(...fresh.childNodes);
          if (fresh.dataset.live) main.dataset.live = fresh.dataset.live;
          else delete main.dataset.live;
          showTimes();
        }
      }
    } catch {
      // The service restarts, perhaps; the next try will tell.
    }
  }
  if (main.dataset.live) setTimeout(refresh, seconds * 1000);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  if (event.key === "/") {
    const search = document.querySelector("input[name=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  } else if (event.key === "n") {
    document.querySelector("[data-key=n]")?.click();
  }
});

offerZone();
if (document.querySelector("header nav")) offerLink();
showTimes();
addReadouts();
addCopyButtons();
addPictureButtons();
const seconds = Number(document.getElementById("content").dataset.live);
if (seconds) setTimeout(refresh, seconds * 1000);

if (document.querySelector("form[data-editor], [data-instant], [data-copy]")) import("./editor.js");
