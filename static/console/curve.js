// The order page: the curves of power, energy and SoC, of voltage, current and temperature; the timeline's switches; a reload when the state moves on.
(function () {
  "use strict";
  function ink(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  const canvas = document.getElementById("order-curve");
  const source = document.getElementById("order-curve-data");
  if (canvas && source && window.Chart) {
    const data = JSON.parse(source.textContent), grid = ink("--ev-line"), text = ink("--ev-soft");
    const line = (label, values, colour, axis, fill) => ({
      label: label, data: values, borderColor: colour, backgroundColor: fill || colour, borderWidth: 2, pointRadius: 0,
      tension: 0.2, spanGaps: true, yAxisID: axis, fill: Boolean(fill),
    });
    const axis = (position, title, max, showGrid) => ({
      display: true, position: position, beginAtZero: true, max: max, grid: { color: grid, display: showGrid },
      ticks: { color: text, display: true }, title: { display: true, text: title, color: text },
    });
    const datasets = [
      line(canvas.dataset.power, data.power, "#6366f1", "power", "#6366f122"),
      line(canvas.dataset.energy, data.energy, "#14b8a6", "energy"),
    ];
    const scales = { x: { display: true, grid: { display: false }, ticks: { color: text, maxTicksLimit: 8, maxRotation: 0 } }, power: axis("left", "kW", undefined, true), energy: axis("right", "kWh", undefined, false) };
    if (data.soc.some((value) => value !== null)) {
      datasets.push(line(canvas.dataset.soc, data.soc, "#f59e0b", "soc"));
      scales.soc = axis("right", "%", 100, false);
    }
    const draw = (target, sets, axes) => new Chart(target, {
      type: "line", data: { labels: data.labels, datasets: sets },
      options: { animation: false, responsive: true, maintainAspectRatio: false, interaction: { mode: "index", intersect: false }, plugins: { legend: { display: true, position: "top", align: "end", labels: { color: text, boxWidth: 12 } } }, scales: axes },
    });
    draw(canvas, datasets, scales);
    const second = document.getElementById("order-electric"), sets = [], axes = { x: scales.x };
    [["voltage", "#0ea5e9", "V", "left"], ["current", "#ef4444", "A", "right"], ["temperature", "#84cc16", "°C", "right"]].forEach(function ([name, colour, unit, side]) {
      if (!second || !data[name].some((value) => value !== null)) return;
      sets.push(line(second.firstElementChild.dataset[name], data[name], colour, name));
      axes[name] = axis(side, unit, undefined, sets.length === 1);
    });
    if (sets.length) {
      second.hidden = false;
      draw(second.firstElementChild, sets, axes);
    }
  }
  document.querySelectorAll("[data-show]").forEach(function (box) {
    box.addEventListener("change", function () {
      document.querySelectorAll('.ev-timeline [data-kind="' + box.dataset.show + '"]').forEach(function (row) { row.hidden = !box.checked; row.style.display = box.checked ? "" : "none"; });
    });
  });
  const live = document.getElementById("order-live");
  const state = live && live.dataset.state;
  document.body.addEventListener("htmx:afterSettle", function () {
    const now = document.getElementById("order-live");
    if (state && now && now.dataset.state !== state) location.reload();
  });
})();
