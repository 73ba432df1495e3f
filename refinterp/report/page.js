"use strict";
// Sorting, filtering and unfolding. Without this script the page shows the same, in ranked order.
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  const number = (key) => (key === "" ? NaN : Number(key));

  function compare(a, b) {
    if (a === "" || b === "") return (a === "") - (b === ""); // what has no value comes last
    const x = number(a), y = number(b);
    if (Number.isNaN(x) || Number.isNaN(y)) return a < b ? -1 : a > b ? 1 : 0;
    return x === y ? 0 : x < y ? -1 : 1;
  }

  function sortable(table) {
    const ranked = [...table.querySelectorAll(":scope > .entry")];
    const headings = [...table.querySelectorAll(":scope > .head > div")];
    headings.forEach((heading, column) => {
      const first = heading.dataset.sort;
      if (!first) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      const up = "ascending", down = "descending";
      const order = first === "down" ? [down, up] : [up, down];
      button.addEventListener("click", () => {
        const next = order[order.indexOf(heading.getAttribute("aria-sort")) + 1];
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        let rows = ranked; // a third click: as ranked
        if (next) {
          heading.setAttribute("aria-sort", next);
          const key = (row) => row.firstElementChild.children[column].dataset.key;
          const sign = next === down ? -1 : 1;
          rows = [...ranked].sort((a, b) => {
            const x = key(a), y = key(b);
            return x === "" || y === "" ? compare(x, y) : sign * compare(x, y);
          });
        }
        table.append(...rows);
      });
    });
    if (table.dataset.finds && ranked.length > 6) {
      const box = document.createElement("input");
      box.type = "search";
      box.className = "finds";
      box.placeholder = box.ariaLabel = `Filter by ${table.dataset.finds}`;
      box.addEventListener("input", () => {
        const words = box.value.toLowerCase().split(/\s+/);
        ranked.forEach((row) => {
          const all = (row.dataset.words || "").toLowerCase();
          row.hidden = !words.every((word) => all.includes(word));
        });
      });
      table.before(box);
    }
    ranked.forEach((row) => {
      const detail = row.querySelector(":scope > .detail");
      if (!detail) return;
      row.classList.add("folds");
      const link = row.firstElementChild.querySelector("a");
      if (link) link.setAttribute("aria-expanded", "false");
      row.firstElementChild.addEventListener("click", (event) => {
        event.preventDefault();
        event.stopPropagation();
        unfold(row, !row.classList.contains("open"));
      });
    });
  }

  function unfold(row, open) {
    row.classList.toggle("open", open);
    const link = row.firstElementChild.querySelector("a");
    if (link) link.setAttribute("aria-expanded", String(open));
  }

  function show(fragment) {
    const detail = fragment.length > 1 && document.getElementById(fragment.slice(1));
    const row = detail && detail.closest(".entry");
    if (!row) return false;
    row.hidden = false;
    unfold(row, true);
    row.scrollIntoView({ block: "start" });
    return true;
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    const target = link && link.getAttribute("href");
    if (target && target.startsWith("#") && show(target)) event.preventDefault();
  });
  window.addEventListener("hashchange", () => show(location.hash));

  // What hovering says, at once and in the page's own style.
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  document.querySelectorAll("svg title").forEach((title) => {
    title.parentElement.dataset.tip = title.textContent;
    title.parentElement.setAttribute("aria-label", title.textContent);
    title.remove();
  });
  document.addEventListener("pointermove", (event) => {
    const over = event.target.closest && event.target.closest("[data-tip]");
    tip.hidden = !over;
    if (!over) return;
    tip.textContent = over.dataset.tip;
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 12, root.clientWidth - box.width - 4);
    const below = event.clientY + 16 + box.height < window.innerHeight;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${below ? event.clientY + 16 : event.clientY - box.height - 8}px`;
  });
  document.addEventListener("pointerleave", () => { tip.hidden = true; });

  document.querySelectorAll(".table").forEach(sortable);

  const save = document.createElement("button");
  save.type = "button";
  save.className = "save";
  save.textContent = "Save these figures as JSON";
  save.addEventListener("click", () => {
    const text = document.getElementById("document").textContent;
    const pretty = JSON.stringify(JSON.parse(text), null, 2);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([pretty], { type: "application/json" }));
    link.download = `${document.title.replace(/[^\w.-]+/g, "_")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  document.querySelector("main").append(save);

  show(location.hash);
})();
