// The chart of a report: energy as bars, fees as stacked bars on their own axis.
(function () {
  "use strict";
  const root = document.getElementById("report");
  const canvas = document.getElementById("report-chart");
  if (!root || !canvas || !window.Chart) return;
  const data = JSON.parse(document.getElementById("report-chart-data").textContent);
  const style = getComputedStyle(document.documentElement);
  const text = style.getPropertyValue("--ev-soft").trim(), grid = style.getPropertyValue("--ev-line").trim();
  new Chart(canvas, {
    type: "bar",
    data: {
      labels: data.labels,
      datasets: [
        { label: root.dataset.energy, data: data.energy, backgroundColor: "#14b8a6", borderRadius: 3, yAxisID: "y", stack: "energy" },
        { label: root.dataset.electricity, data: data.electricity, backgroundColor: "#6366f1", yAxisID: "y1", stack: "money" },
        { label: root.dataset.service, data: data.service, backgroundColor: "#f59e0b", yAxisID: "y1", stack: "money" },
      ],
    },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { display: true, position: "top", align: "end", labels: { color: text, boxWidth: 12 } } },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { color: text, maxRotation: 0, autoSkip: true } },
        y: { display: true, beginAtZero: true, grid: { color: grid }, ticks: { color: text, display: true }, title: { display: true, text: "kWh", color: text } },
        y1: { display: true, beginAtZero: true, stacked: true, position: "right", grid: { display: false }, ticks: { color: text, display: true }, title: { display: true, text: "¥", color: text } },
      },
    },
  });
})();
