"use strict";
// What a page does beyond being read: theme, copying, folds in print, animations that can pause.

const root = document.documentElement;
const THEME = "policy-gradients-theme";

function remembered() {
  try { return localStorage.getItem(THEME); } catch { return null; }
}

function remember(theme) {
  try { localStorage.setItem(THEME, theme); } catch { /* a private window: this page only */ }
}

function isDark() {
  return (root.style.colorScheme || "") === "dark"
    || (!root.style.colorScheme && matchMedia("(prefers-color-scheme: dark)").matches);
}

if (["light", "dark"].includes(remembered())) root.style.colorScheme = remembered();

function themeButton() {
  const button = document.querySelector("button.theme");
  const tell = () => button.setAttribute("aria-pressed", String(isDark()));
  button.hidden = false;
  button.addEventListener("click", () => {
    root.style.colorScheme = isDark() ? "light" : "dark";
    remember(root.style.colorScheme);
    tell();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  tell();
}

function copyButtons() {
  const said = document.createElement("p");
  said.className = "unseen";
  said.setAttribute("role", "status");
  document.querySelector("main").append(said);
  for (const frame of document.querySelectorAll("main .code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy this code");
    button.addEventListener("click", async () => {
      const text = frame.querySelector("pre").textContent;
      const done = await copied(text);
      button.textContent = done ? "Copied" : "Press Ctrl-C";
      said.textContent = done ? "The code is copied." : "The code is marked: press Ctrl-C.";
      if (!done) getSelection().selectAllChildren(frame.querySelector("pre"));
      setTimeout(() => { button.textContent = "Copy"; said.textContent = ""; }, 2500);
    });
    frame.append(button);
  }
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

// What scrolls sideways is reached and scrolled with the keyboard; what does not is no stop.
function reachScrollers() {
  for (const one of document.querySelectorAll("main pre, main .scroll, main .wide")) {
    const scrolls = one.scrollWidth > one.clientWidth + 1;
    if (scrolls) {
      one.tabIndex = 0;
      one.setAttribute("role", "group");
      one.setAttribute("aria-label", "Scrolls sideways");
    } else if (one.hasAttribute("tabindex")) {
      for (const name of ["tabindex", "role", "aria-label"]) one.removeAttribute(name);
    }
  }
}

function foldNavigation() {
  if (matchMedia("(min-width: 60rem)").matches) return;
  for (const fold of document.querySelectorAll(".side details")) fold.open = false;
}

function showTarget() {
  let target = null;
  try { target = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch { return; }
  for (let one = target?.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
  target?.scrollIntoView();
}

function printFolds() {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not([open])")];
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });
}

function pauseButtons() {
  for (const figure of document.querySelectorAll("figure.moving")) {
    const image = figure.querySelector("img"), source = figure.querySelector("source");
    const moving = image.getAttribute("src"), alone = source.media;
    const button = document.createElement("button");
    let runs = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    button.type = "button";
    const tell = () => { button.textContent = runs ? "Pause" : "Play"; button.setAttribute("aria-label", runs ? "Pause the animation" : "Play the animation"); };
    button.addEventListener("click", () => {
      runs = !runs;
      source.media = runs ? "print" : alone;
      image.src = runs ? moving : figure.dataset.still;
      tell();
    });
    tell();
    figure.append(button);
  }
}

addEventListener("DOMContentLoaded", () => {
  foldNavigation();
  themeButton();
  copyButtons();
  pauseButtons();
  printFolds();
  reachScrollers();
  addEventListener("resize", reachScrollers);
  document.addEventListener("toggle", reachScrollers, true);
  if (location.hash) showTarget();
  addEventListener("hashchange", showTarget);
});
