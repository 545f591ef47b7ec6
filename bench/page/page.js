"use strict";
// Draws the charts that the page describes, when they come to have a size.
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent) || [];
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const lines = 8; // colours of lines

  // Figures, as the tables have them.
  const number = v => {
    const a = Math.abs(v);
    if (a === 0) return "0";
    if (a >= 999.5) return Math.round(v).toLocaleString("en-US");
    return v.toFixed(Math.min(Math.max(2 - Math.floor(Math.log10(a)), 0), 8));
  };
  const scaled = units => v => {
    let in_ = 0;
    while (in_ + 1 < units.length && Math.round(Math.abs(v) / units[in_][1]) >= units[in_ + 1][1] / units[in_][1]) in_++;
    return number(v / units[in_][1]) + " " + units[in_][0];
  };
  const nines = x => {
    const percent = 100 * (1 - 10 ** -x);
    return percent.toFixed(Math.max(Math.ceil(x) - 1, 0)) + " %";
  };
  const write = {
    duration: scaled([["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]]),
    bytes: scaled([["B", 1], ["KiB", 2 ** 10], ["MiB", 2 ** 20], ["GiB", 2 ** 30], ["TiB", 2 ** 40]]),
    number, whole: number, nines, seconds: v => number(v) + " s",
  };
  // On an axis a figure is as short as it can be: 1 ms, not 1.00 ms.
  const short = text => text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");

  const font = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

  // The axis of nines has its marks at 50 %, 90 %, 99 %, …; that of names at 1, 2, …
  const splits = { nines: (_, __, min, max) => [Math.log10(2), ...Array.from({ length: Math.floor(max) }, (_, i) => i + 1)] };
  const names = chart => chart.names || [];
  // A name has no more room than there is between two; the legend has the whole.
  const fitted = (u, chart, i) => {
    const room = u.bbox.width / devicePixelRatio / (names(chart).length + 0.2) - 6;
    let name = names(chart)[i];
    u.ctx.font = font;
    if (u.ctx.measureText(name).width <= room) return name;
    while (name && u.ctx.measureText(name + "…").width > room) name = name.slice(0, -1);
    return name && name + "…";
  };
  const scattered = chart => chart.lines.some(l => l.points);

  const axis = (of, chart, side) => ({
    stroke: () => colour("soft"), font, labelFont: font, label: side === 2 && scattered(chart) && of.label || undefined, labelSize: 20,
    grid: { stroke: () => colour("grid"), width: 1 }, ticks: { stroke: () => colour("grid"), width: 1 },
    space: side === 2 ? 60 : 34,
    incrs: { bytes: Array.from({ length: 50 }, (_, i) => 2 ** i), whole: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }[of.unit],
    splits: of.unit === "name" ? () => names(chart).map((_, i) => i + 1) : splits[of.unit],
    values: (u, values) => values.map(v => v === null ? null : of.unit === "name" ? fitted(u, chart, v - 1) : short(write[of.unit](v))),
    size: side === 2 ? 40 : (u, values) => {
      u.ctx.font = font;
      return 18 + Math.max(0, ...(values || []).map(v => v ? u.ctx.measureText(v).width : 0));
    },
  });

  // What is drawn does not touch the frame.
  const across = chart => {
    if (chart.x.unit === "name") return () => [0.5, names(chart).length + 0.7];
    return (_, min, max) => {
      const room = 0.02 * (max - min || max || 1);
      return [chart.x.unit === "seconds" || chart.x.unit === "nines" ? 0 : min - room, max + room];
    };
  };
  const range = (of, chart) => {
    const more = [...(chart.spans || []).flatMap(s => [s.low, s.high]), ...(chart.marks || []).map(m => m.y), ...(chart.bands || []).filter(b => b.on_y).flatMap(b => [b.from, b.to])];
    if (of.log) return (_, min, max) => uPlot.rangeLog(min, max, 10, false);
    if (of.zero) return (_, __, max) => [0, max > 0 ? 1.1 * max : 1];
    return (_, min, max) => uPlot.rangeNum(Math.min(min, ...more), Math.max(max, ...more), 0.1, false);
  };

  // Bands and marks lie behind the lines, intervals before them.
  const within = (u, draw) => {
    const { left, top, width, height } = u.bbox, c = u.ctx;
    c.save();
    c.beginPath();
    c.rect(left, top, width, height);
    c.clip();
    draw(c, left, top, width, height, devicePixelRatio);
    c.restore();
  };
  const behind = chart => u => within(u, (c, left, top, width, height, scale) => {
    for (const b of chart.bands || []) {
      const axis = b.on_y ? "y" : "x", from = u.valToPos(b.from, axis, true), to = u.valToPos(b.to, axis, true);
      const low = Math.min(from, to), size = Math.max(Math.abs(to - from), 1);
      c.fillStyle = colour(b.bad ? "bad-soft" : "band");
      if (b.from === b.to) {
        c.setLineDash([4 * scale, 4 * scale]);
        c.strokeStyle = colour("bad");
        c.lineWidth = 2 * scale;
        c.beginPath(); c.moveTo(low, top); c.lineTo(low, top + height); c.stroke();
        c.setLineDash([]);
      } else if (b.on_y) {
        c.fillRect(left, low, width, size);
      } else {
        c.fillRect(low, top, size, height);
      }
    }
    for (const m of chart.marks || []) {
      const y = u.valToPos(m.y, "y", true);
      c.strokeStyle = colour("soft");
      c.lineWidth = scale;
      c.beginPath(); c.moveTo(left, y); c.lineTo(left + width, y); c.stroke();
    }
  });
  // What a band is stands in it, over the grid, if there is room.
  const captions = chart => u => within(u, (c, _, top, __, ___, scale) => {
    c.font = font.replace("12px", 11 * scale + "px");
    c.textAlign = "left";
    c.textBaseline = "top";
    for (const b of (chart.bands || []).filter(b => !b.on_y)) {
      const x = u.valToPos(b.from, "x", true), room = u.valToPos(b.to, "x", true) - x, width = c.measureText(b.label).width + 8 * scale;
      if (width > room) continue;
      c.fillStyle = colour(b.bad ? "bad-soft" : "band");
      c.fillRect(x, top, width, 19 * scale);
      c.fillStyle = colour(b.bad ? "bad" : "soft");
      c.fillText(b.label, x + 4 * scale, top + 4 * scale);
    }
  });
  const before = chart => u => within(u, (c, _, __, ___, ____, scale) => {
    (chart.spans || []).forEach((s, i) => {
      const x = u.valToPos(s.x, "x", true), low = u.valToPos(s.low, "y", true), high = u.valToPos(s.high, "y", true), middle = u.valToPos(s.middle, "y", true);
      c.strokeStyle = c.fillStyle = colour("line" + i % lines);
      c.lineWidth = 2 * scale;
      c.beginPath();
      c.moveTo(x, low); c.lineTo(x, high);
      for (const y of [low, high]) { c.moveTo(x - 6 * scale, y); c.lineTo(x + 6 * scale, y); }
      c.stroke();
      c.beginPath(); c.arc(x, middle, 3.5 * scale, 0, 2 * Math.PI); c.fill();
    });
  });

  const said = (of, v) => v === null || v === undefined ? "" : write[of.unit](v); // under the pointer
  const series = (chart, l, i) => ({
    label: l.label, stroke: () => colour("line" + i % lines), width: 2, spanGaps: !l.points,
    dash: l.dashed ? [6, 4] : i >= lines ? [2, 3] : undefined,
    paths: l.points ? () => null : undefined,
    points: l.points ? { show: true, size: 7, width: 1.5, fill: () => colour("line" + i % lines) } : { size: 6, fill: () => colour("card") },
    value: (_, v) => said(chart.y, v),
  });

  const options = (chart, width) => ({
    width, height: 280, hooks: { drawClear: [behind(chart)], drawAxes: [captions(chart)], draw: [before(chart)] },
    legend: { live: !scattered(chart) },
    cursor: { drag: { x: true, y: false }, points: { size: 9, width: 0, fill: (_, i) => colour("line" + (i - 1) % lines) } },
    scales: {
      x: { time: false, range: across(chart) },
      y: { distr: chart.y.log ? 3 : 1, range: range(chart.y, chart) },
    },
    axes: [axis(chart.x, chart, 2), axis(chart.y, chart, 3)],
    series: [
      { label: chart.x.label, value: (_, v) => said(chart.x, v) },
      ...chart.lines.map((l, i) => series(chart, l, i)),
    ],
  });

  const draw = (chart, at) => {
    const width = Math.floor(at.clientWidth);
    if (width === 0) return; // folded
    if (at.plot) return at.plot.setSize({ width, height: 280 });
    at.plot = new uPlot(options(chart, width), [chart.at, ...chart.lines.map(l => l.values)], at);
    const canvas = at.querySelector("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", chart.title + ". " + chart.what + " " + chart.summary);
  };
  for (const chart of charts) {
    const at = document.getElementById(chart.id);
    new ResizeObserver(() => draw(chart, at)).observe(at);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => at.plot && at.plot.redraw());
  }
})();
