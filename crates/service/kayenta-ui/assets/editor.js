// The editor: checks what is written shortly after it is written, and keeps the focus where it was. The server renders the
// form, so that form, JSON and problems always belong together; without this script the button Check does the same.

import { copyButton } from "./chart.js";

const pause = 700;
let timer = 0;
let asked = 0;

function place() {
  const active = document.activeElement;
  if (!active || !active.name) return null;
  const twins = [...document.getElementsByName(active.name)];
  const text = "selectionStart" in active && active.selectionStart !== null;
  return { name: active.name, at: twins.indexOf(active), from: text ? active.selectionStart : null, to: text ? active.selectionEnd : null, top: active.scrollTop };
}

function back(place) {
  if (!place) return;
  const field = document.getElementsByName(place.name)[place.at];
  if (!field) return;
  field.focus({ preventScroll: true });
  field.scrollTop = place.top;
  if (place.from !== null && field.setSelectionRange) {
    try {
      field.setSelectionRange(place.from, place.to);
    } catch {
      // Fields without a selection.
    }
  }
}

async function check() {
  const form = document.querySelector("form[data-editor]");
  if (!form) return;
  const mine = ++asked;
  const body = new URLSearchParams(new FormData(form));
  body.set("do", "check");
  let answer;
  try {
    answer = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } });
  } catch {
    return;
  }
  // Somebody typed on: the next check has it.
  if (!answer.ok || mine !== asked || timer) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("form[data-editor]");
  if (!fresh || mine !== asked || timer) return;
  const open = new Map([...form.querySelectorAll("details")].map((details, at) => [details.id || at, details.open]));
  const was = place();
  const preview = form.querySelector("#preview");
  form.replaceWith(document.adoptNode(fresh));
  [...fresh.querySelectorAll("details")].forEach((details, at) => {
    const key = details.id || at;
    if (open.get(key)) details.open = true;
  });
  if (preview && !fresh.querySelector("#preview")) fresh.querySelector(".two").before(preview);
  back(was);
}

document.addEventListener("input", (event) => {
  if (!event.target.closest("form[data-editor]")) return;
  clearTimeout(timer);
  timer = setTimeout(() => {
    timer = 0;
    check();
  }, pause);
});

// A problem's link opens what is folded around its field.
document.addEventListener("click", (event) => {
  const link = event.target.closest('.problems a[href^="#"]');
  if (!link) return;
  const field = document.getElementById(link.getAttribute("href").slice(1));
  for (let fold = field?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  field?.focus();
});

// Times: what is written in UTC, in the local zone.
for (const field of document.querySelectorAll("input[data-instant]")) {
  const about = document.createElement("span");
  about.className = "sub";
  field.after(about);
  const show = () => {
    const text = field.value.trim();
    const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text);
    const at = text ? new Date(zoned ? text : `${text}Z`) : null;
    about.textContent = at && !Number.isNaN(at.getTime()) ? `${at.toLocaleString()} local time` : "";
  };
  field.addEventListener("input", show);
  show();
}

if (navigator.clipboard) {
  for (const text of document.querySelectorAll("pre[data-copy]")) {
    text.after(copyButton("Copy", () => text.textContent, `Copy ${text.previousElementSibling.textContent}`));
  }
}
