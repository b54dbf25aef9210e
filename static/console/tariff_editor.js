// The 48-slot editor: choose a tier, paint half-hours with mouse, finger or keys; words and preview follow.
(function () {
  "use strict";
  const form = document.getElementById("tariff-editor");
  if (!form) return;
  const slots = Array.from(form.querySelectorAll("[data-slot]"));
  const rows = Array.from(form.querySelectorAll("[data-tier]"));
  const usual = form.querySelector("[name=slots]");
  const tabs = form.querySelector(".ev-daytabs");
  let hidden = usual;
  const spans = form.querySelector(".ev-spans");
  const warning = form.querySelector("[data-warning]");
  const byCode = Object.fromEntries(rows.map((row) => [row.dataset.tier, row]));
  let brush = rows[0].dataset.tier, painting = false, chart = null;

  const price = (row, name) => { const text = row.querySelector("[name=" + name + "]").value.trim(); return text === "" ? null : Number(text); };
  const number = (value) => value.toFixed(5).replace(/0$/, "");

  function choose(code) {
    brush = code;
    rows.forEach((row) => row.querySelector(".ev-brush").setAttribute("aria-pressed", String(row.dataset.tier === code)));
  }

  function paint(cell) {
    if (!cell || cell.dataset.code === brush) return;
    const row = byCode[brush];
    cell.dataset.code = brush;
    cell.className = row.dataset.css;
    cell.setAttribute("aria-label", cell.dataset.begin + "–" + cell.dataset.end + " " + row.dataset.word);
    cell.title = cell.getAttribute("aria-label");
    refresh();
  }

  function refresh() {
    const codes = slots.map((cell) => cell.dataset.code);
    hidden.value = codes.join(",");
    rows.forEach(function (row) {
      const electricity = price(row, "electricity"), service = price(row, "service");
      const total = electricity === null && service === null ? null : (electricity || 0) + (service || 0);
      const share = codes.filter((code) => code === row.dataset.tier).length / 2;
      row.querySelector("[data-total]").textContent = total === null ? "–" : Number.isFinite(total) ? number(total) : "?";
      row.querySelector("[data-share]").textContent = share ? share + " " + form.dataset.hours : "–";
    });
    spans.replaceChildren();
    for (let begin = 0; begin < 48; ) {
      let end = begin;
      while (end < 48 && codes[end] === codes[begin]) end += 1;
      const row = byCode[codes[begin]], item = document.createElement("li"), tier = document.createElement("span");
      tier.className = "ev-tier " + (row ? row.dataset.css : "tier-other");
      tier.textContent = row ? row.dataset.word : codes[begin];
      const total = row ? row.querySelector("[data-total]").textContent : "–";
      item.append(slots[begin].dataset.begin + "–" + slots[end - 1].dataset.end + " ", tier, " " + (total === "–" ? form.dataset.noPrice : total));
      spans.append(item);
      begin = end;
    }
    const tooMany = new Set(codes).size > 4;
    warning.hidden = !tooMany;
    warning.textContent = tooMany ? form.dataset.tooMany : "";
    draw(codes);
  }

  function draw(codes) {
    const canvas = document.getElementById("tariff-preview");
    if (!window.Chart || !canvas) return;
    const style = getComputedStyle(document.documentElement);
    const values = (name) => codes.map((code) => { const value = byCode[code] ? price(byCode[code], name) : null; return Number.isFinite(value) ? value : 0; });
    const colours = slots.map((cell) => getComputedStyle(cell).backgroundColor);
    if (!chart) {
      const text = style.getPropertyValue("--ev-soft").trim(), grid = style.getPropertyValue("--ev-line").trim();
      chart = new Chart(canvas, {
        type: "bar",
        data: { labels: slots.map((cell) => cell.dataset.begin), datasets: [{ label: form.dataset.electricity, barPercentage: 1, categoryPercentage: 1 }, { label: form.dataset.service, backgroundColor: "#94a3b8aa", barPercentage: 1, categoryPercentage: 1 }] },
        options: { animation: false, responsive: true, maintainAspectRatio: false, interaction: { mode: "index", intersect: false }, plugins: { legend: { display: false } }, scales: { x: { stacked: true, display: false }, y: { display: true, stacked: true, beginAtZero: true, position: "left", afterFit: (axis) => { axis.width = 0; }, grid: { color: grid, drawTicks: false }, border: { display: false }, ticks: { color: text, display: true, maxTicksLimit: 5, mirror: true, padding: 6, z: 1 } } } },
      });
    }
    chart.data.datasets[0].data = values("electricity");
    chart.data.datasets[0].backgroundColor = colours;
    chart.data.datasets[1].data = values("service");
    chart.update("none");
  }

  // Days: the cells show the one whose tab is chosen; each keeps its half-hours in a hidden input.
  function show(tab) {
    const owner = tab.closest(".ev-dayform");
    hidden = owner ? owner.querySelector("[name=day_slots]") : usual;
    tabs.querySelectorAll(".ev-daytab").forEach((one) => one.setAttribute("aria-selected", String(one === tab)));
    const codes = hidden.value.split(",");
    slots.forEach(function (cell, index) {
      const row = byCode[codes[index]];
      cell.dataset.code = codes[index];
      cell.className = row ? row.dataset.css : "tier-other";
      cell.setAttribute("aria-label", cell.dataset.begin + "–" + cell.dataset.end + " " + (row ? row.dataset.word : codes[index]));
      cell.title = cell.getAttribute("aria-label");
    });
    refresh();
  }

  function offer() {
    const days = Array.from(tabs.querySelectorAll(".ev-dayform"));
    form.querySelectorAll("[name=rule_profile]").forEach(function (select) {
      const fixed = Array.from(select.options).slice(0, 2), chosen = select.value;
      select.replaceChildren(...fixed, ...days.map((day) => new Option(day.querySelector("[name=day_name]").value || day.dataset.day, day.dataset.day)));
      select.value = Array.from(select.options).some((option) => option.value === chosen) ? chosen : "";
    });
    tabs.querySelector(".ev-daymore").hidden = days.length >= Number(tabs.dataset.most);
  }

  tabs.addEventListener("click", function (event) {
    const tab = event.target.closest(".ev-daytab"), less = event.target.closest(".ev-dayless");
    if (tab) show(tab);
    if (less) {
      const day = less.closest(".ev-dayform"), active = day.contains(hidden);
      day.remove();
      if (active) show(tabs.querySelector(".ev-daytab"));
      offer();
    }
    if (event.target.closest(".ev-daymore")) {
      const day = tabs.querySelector("template").content.firstElementChild.cloneNode(true);
      let number = 1;
      while (tabs.querySelector('[data-day="day' + number + '"]')) number += 1;
      day.dataset.day = "day" + number;
      day.querySelector("[name=day_code]").value = "day" + number;
      day.querySelector("[name=day_name]").value = tabs.dataset.new + " " + number;
      day.querySelector("[name=day_slots]").value = usual.value;
      tabs.insertBefore(day, tabs.querySelector(".ev-daymore"));
      offer();
      show(day.querySelector(".ev-daytab"));
      day.querySelector("[name=day_name]").select();
    }
  });
  tabs.addEventListener("input", offer);
  tabs.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  form.querySelectorAll(".ev-part [type=checkbox]").forEach(function (box) {
    box.addEventListener("click", (event) => event.stopPropagation());
    box.addEventListener("change", () => { if (box.checked) box.closest("details").open = true; });
  });

  rows.forEach((row) => row.querySelector(".ev-brush").addEventListener("click", () => choose(row.dataset.tier)));
  form.addEventListener("input", (event) => { if (event.target.matches(".ev-input")) refresh(); });
  slots.forEach((cell) => { cell.title = cell.getAttribute("aria-label"); });
  const area = form.querySelector(".ev-slots");
  area.addEventListener("pointerdown", function (event) {
    const cell = event.target.closest("[data-slot]");
    if (!cell) return;
    painting = true;
    cell.focus();
    paint(cell);
    event.preventDefault();
  });
  area.addEventListener("pointermove", function (event) {
    if (!painting) return;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    paint(under && under.closest("[data-slot]"));
  });
  window.addEventListener("pointerup", () => { painting = false; });
  window.addEventListener("pointercancel", () => { painting = false; });
  area.addEventListener("keydown", function (event) {
    const cell = event.target.closest("[data-slot]");
    if (!cell) return;
    const index = Number(cell.dataset.slot);
    const target = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: 47 }[event.key];
    if (target !== undefined && slots[target]) {
      if (event.shiftKey) { paint(cell); paint(slots[target]); }
      slots.forEach((one) => { one.tabIndex = -1; });
      slots[target].tabIndex = 0;
      slots[target].focus();
      event.preventDefault();
    } else if (event.key === " " || event.key === "Enter") {
      paint(cell);
      event.preventDefault();
    } else if (/^[1-9]$/.test(event.key) && rows[Number(event.key) - 1]) {
      choose(rows[Number(event.key) - 1].dataset.tier);
      event.preventDefault();
    }
  });
  choose(slots[0].dataset.code in byCode ? slots[0].dataset.code : brush);
  offer();
  refresh();
})();
