// Order statistics as stacked bars: a bar per row, a colour per column.
(function () {
  "use strict";
  const canvas = document.getElementById("pivot-chart");
  if (!canvas || !window.Chart) return;
  const data = JSON.parse(document.getElementById("pivot-chart-data").textContent);
  const style = getComputedStyle(document.documentElement);
  const text = style.getPropertyValue("--ev-soft").trim(), grid = style.getPropertyValue("--ev-line").trim();
  const colours = ["#14b8a6", "#6366f1", "#f59e0b", "#0ea5e9", "#ec4899", "#84cc16", "#a855f7", "#f97316", "#94a3b8"];
  new Chart(canvas, {
    type: "bar",
    data: {
      labels: data.labels,
      datasets: data.series.map(function (one, at) {
        return { label: one[0], data: one[1], backgroundColor: colours[at % colours.length], stack: "all" };
      }),
    },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { display: data.series.length > 1, position: "top", align: "end", labels: { color: text, boxWidth: 12 } } },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { color: text, maxRotation: 30, autoSkip: true } },
        y: { display: true, stacked: true, beginAtZero: true, grid: { color: grid }, ticks: { color: text, display: true }, title: { display: true, text: data.unit, color: text } },
      },
    },
  });
})();
