// The overview keeps itself fresh: a WebSocket says when something changed, else it looks every 15 seconds.
(function () {
  "use strict";
  const root = document.getElementById("overview");
  if (!root) return;
  const dot = root.querySelector(".ev-dot");
  const mode = root.querySelector("[data-mode]");
  const POLL_MS = 15000;
  const MIN_GAP_MS = 1000;
  let live = false, reading = false, again = false, lastRead = Date.now(), retryMs = 1000;

  function show(kind, words) {
    dot.className = "ev-dot " + kind;
    mode.textContent = words;
  }

  function ink(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  let chart = null;
  function draw(data) {
    const canvas = document.getElementById("overview-chart");
    if (!canvas || !data || !window.Chart) return;
    if (chart) {
      chart.data.labels = data.labels;
      chart.data.datasets[0].data = data.energy;
      chart.data.datasets[1].data = data.power;
      chart.update("none");
      return;
    }
    const grid = ink("--ev-line"), text = ink("--ev-soft");
    chart = new Chart(canvas, {
      data: {
        labels: data.labels,
        datasets: [
          { type: "bar", label: root.dataset.energy, data: data.energy, backgroundColor: "#14b8a6", borderRadius: 3, yAxisID: "y", order: 2 },
          { type: "line", label: root.dataset.power, data: data.power, borderColor: "#6366f1", backgroundColor: "#6366f1", borderWidth: 2, pointRadius: 0, tension: 0, yAxisID: "y1", order: 1 },
        ],
      },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        plugins: { legend: { display: true, position: "top", align: "end", labels: { color: text, boxWidth: 12 } } },
        scales: {
          x: { grid: { display: false }, ticks: { color: text, maxRotation: 0, autoSkip: true } },
          y: { display: true, beginAtZero: true, grid: { color: grid }, ticks: { color: text, display: true }, title: { display: true, text: "kWh", color: text } },
          y1: { display: true, beginAtZero: true, position: "right", grid: { display: false }, ticks: { color: text, display: true }, title: { display: true, text: "kW", color: text } },
        },
      },
    });
  }

  async function read() {
    if (reading) { again = true; return; }
    reading = true;
    try {
      const answer = await fetch(root.dataset.url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const board = await answer.json();
      for (const [name, html] of Object.entries(board.parts)) {
        const part = root.querySelector('[data-part="' + name + '"]');
        if (part && !part.contains(document.activeElement)) part.innerHTML = html;
      }
      root.querySelector("[data-asof]").textContent = board.as_of;
      draw(board.chart);
      show(live ? "live" : "polling", live ? root.dataset.live : root.dataset.polling);
    } catch (error) {
      show("stale", root.dataset.stale);
    } finally {
      lastRead = Date.now();
      reading = false;
      if (again) { again = false; setTimeout(read, MIN_GAP_MS); }
    }
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    const socket = new WebSocket(scheme + location.host + root.dataset.socket);
    socket.onmessage = function (event) {
      const message = JSON.parse(event.data);
      if (message.type === "ready") { live = true; retryMs = 1000; show("live", root.dataset.live); }
      if (message.type === "dirty") read();
    };
    socket.onclose = function (event) {
      live = false;
      show("polling", root.dataset.polling);
      if (event.code !== 4401) { setTimeout(connect, retryMs); retryMs = Math.min(retryMs * 2, 30000); }
    };
  }

  // Also with a live line: the sums and the clock move on while nothing happens.
  setInterval(function () { if (!document.hidden && Date.now() - lastRead >= POLL_MS - 200) read(); }, POLL_MS);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) read(); });
  const first = document.getElementById("overview-chart-data");
  if (first) draw(JSON.parse(first.textContent));
  show("polling", root.dataset.polling);
  connect();
})();
