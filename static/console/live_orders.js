// The running orders keep themselves fresh: rows come over a WebSocket, else the page is read every 15 seconds.
(function () {
  "use strict";
  const root = document.getElementById("live-orders");
  if (!root) return;
  const body = root.querySelector("[data-rows]");
  const dot = root.querySelector(".ev-dot");
  const mode = root.querySelector("[data-mode]");
  const POLL_MS = 15000;
  const CELLS = ["order_no", "method", "user", "station", "pile", "state", "power", "energy", "amount", "soc", "lasted"];
  const NUMBERS = ["power", "energy", "amount", "soc", "lasted"];
  let live = false, retryMs = 1000;

  function show(kind, words) {
    dot.className = "ev-dot " + kind;
    mode.textContent = words;
  }

  function fill(row, order) {
    CELLS.forEach(function (name, at) {
      const cell = row.cells[at] || row.insertCell();
      if (NUMBERS.includes(name)) cell.className = "num";
      let holder = cell;
      if (name === "order_no" || name === "state") {
        holder = cell.firstElementChild || cell.appendChild(document.createElement(name === "state" ? "span" : "a"));
        if (name === "state") holder.className = "ev-chip ev-" + order.tone;
        else holder.href = order.url;
      }
      if (holder.textContent === order[name]) return;
      const fresh = holder.textContent !== "";
      holder.textContent = order[name];
      if (fresh && name !== "lasted") { cell.classList.remove("ev-changed"); void cell.offsetWidth; cell.classList.add("ev-changed"); }
    });
    return row;
  }

  function rowOf(orderNo) {
    for (const row of body.rows) if (row.dataset.order === orderNo) return row;
    return null;
  }

  function draw(message) {
    if (message.type === "page") {
      const rows = message.rows.map(function (order) {
        let row = rowOf(order.order_no);
        if (!row) { row = document.createElement("tr"); row.dataset.order = order.order_no; }
        return fill(row, order);
      });
      body.replaceChildren.apply(body, rows);
      root.querySelector("[data-running]").textContent = message.running;
      root.querySelector("[data-empty]").hidden = rows.length > 0;
    } else if (message.type === "rows") {
      message.rows.forEach(function (order) { const row = rowOf(order.order_no); if (row) fill(row, order); });
    }
    root.querySelector("[data-asof]").textContent = message.as_of;
  }

  async function read() {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live-orders");
      if (live) return;
      body.replaceChildren.apply(body, Array.from(found.querySelector("[data-rows]").rows));
      for (const name of ["[data-running]", "[data-asof]"]) root.querySelector(name).textContent = found.querySelector(name).textContent;
      root.querySelector("[data-empty]").hidden = body.rows.length > 0;
      show("polling", root.dataset.polling);
    } catch (error) {
      show("stale", root.dataset.stale);
    }
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    const socket = new WebSocket(scheme + location.host + root.dataset.socket);
    socket.onmessage = function (event) {
      if (!live) { live = true; retryMs = 1000; show("live", root.dataset.live); }
      draw(JSON.parse(event.data));
    };
    socket.onclose = function (event) {
      live = false;
      show("polling", root.dataset.polling);
      if (event.code === 4401 || event.code === 4403) { read(); return; }
      setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, 30000);
    };
  }

  setInterval(function () { if (!document.hidden && !live) read(); }, POLL_MS);
  show("polling", root.dataset.polling);
  connect();
})();
