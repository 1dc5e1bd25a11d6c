"use strict";
// The search: every word has to occur in a section; headings count more, high ones most.

const LONGEST = 40;
const plain = (text) => text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();
const sections = (window.BOOK || []).map((one) => ({
  ...one, inTitle: plain(one.title), inChapter: plain(one.chapter), inText: plain(one.text),
}));

function score(section, words) {
  let sum = 0;
  const heading = { 1: 25, 2: 18, 3: 10 }[section.level];
  for (const word of words) {
    const start = new RegExp(`(?<![\\p{L}\\p{N}])${word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`, "gu");
    const inTitle = start.test(section.inTitle), inChapter = section.inChapter.includes(word);
    const times = (section.inText.match(start) || []).length;
    if (!inTitle && !times && !section.inTitle.includes(word) && !section.inText.includes(word)
      && !(inChapter && section.level === "1")) return 0;
    sum += 1 + (inTitle ? heading : 0) + Math.min(times, 8)
      + (inChapter ? (section.level === "1" ? heading : 4) : 0);
  }
  return sum;
}

function excerpt(section, words) {
  const first = Math.max(0, Math.min(...words.map((word) => section.inText.indexOf(word)).filter((at) => at >= 0), section.text.length));
  const at = first === section.text.length ? 0 : first;
  const start = at < 60 ? 0 : section.text.indexOf(" ", at - 60) + 1;
  const text = section.text.slice(start, start + 220);
  return `${start ? "… " : ""}${text}${start + 220 < section.text.length ? " …" : ""}`;
}

function marked(text, words) {
  const part = document.createDocumentFragment();
  const known = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  for (const piece of text.split(new RegExp(`(${known})`, "giu"))) {
    const hit = words.includes(plain(piece));
    const node = hit ? document.createElement("mark") : document.createTextNode(piece);
    if (hit) node.textContent = piece;
    part.append(node);
  }
  return part;
}

function element(name, kind, ...inside) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...inside);
  return made;
}

function result(section, words) {
  const link = element("a", "", marked(section.title, words));
  link.href = section.page;
  return element("li", "", link, element("span", "what", section.chapter),
    element("p", "", marked(excerpt(section, words), words)));
}

function search(text) {
  const words = [...new Set(plain(text).split(/\s+/).filter(Boolean))];
  const found = words.length
    ? sections.map((one) => [score(one, words), one]).filter(([points]) => points > 0)
      .sort(([a], [b]) => b - a)
    : [];
  document.getElementById("results").replaceChildren(
    ...found.slice(0, LONGEST).map(([, one]) => result(one, words)));
  const shown = found.length > LONGEST ? `, the best ${LONGEST} of them here` : "";
  document.getElementById("found").textContent = !words.length
    ? "Write one word or several into the field above."
    : found.length
      ? `${found.length} ${found.length === 1 ? "section holds" : "sections hold"} “${text.trim()}”${shown}.`
      : `Nothing in the book holds “${text.trim()}”. Try fewer words, or the beginning of one.`;
}

const field = document.getElementById("q");
field.value = new URLSearchParams(location.search).get("q") || "";
field.addEventListener("input", () => search(field.value));
field.form.addEventListener("submit", (event) => { event.preventDefault(); search(field.value); });
search(field.value);
