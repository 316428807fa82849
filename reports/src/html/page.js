"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const data = JSON.parse(document.getElementById("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5a5a5a"];
  const DARK = ["#4aa8e0", "#f0843c", "#2fc79a", "#e29bc4", "#f2b632", "#8ccdf2", "#b4b4b4"];
  const colour = (group) => (dark.matches ? DARK : LIGHT)[group % LIGHT.length];

  // Numbers with units, as in the rest of the report.
  const FAMILIES = {
    nanos: [[1e9, " s"], [1e6, " ms"], [1e3, " us"], [1, " ns"]],
    bytes: [[2 ** 40, " TiB"], [2 ** 30, " GiB"], [2 ** 20, " MiB"], [2 ** 10, " KiB"], [1, " B"]],
    count: [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]],
  };
  const four = (n) => String(+n.toPrecision(4));
  const scaled = (n, family) => {
    if (n === 0) return "0";
    const size = Math.abs(n);
    const [factor, name] = family.find(([f]) => size >= f * 0.99995) || family[family.length - 1];
    return four(n / factor) + name;
  };
  const format = (quantity, n) => {
    if (quantity === "power-of-two") {
      const k = Math.log2(n);
      if (n > 1 && Number.isInteger(k)) {
        return "2" + [...String(k)].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[+d]).join("");
      }
      return scaled(n, FAMILIES.count);
    }
    if (quantity === "ppm") return four(n / 1e4) + " %";
    if (quantity === "milli") return scaled(n / 1e3, FAMILIES.count);
    if (quantity === "nines") {
      const tail = Math.max(1, n / 1e6);
      const digits = Math.max(2, Math.ceil(Math.log10(tail)));
      return +(100 - 100 / tail).toFixed(digits) + " %";
    }
    return scaled(n, FAMILIES[quantity] || FAMILIES.count);
  };

  // Ticks for whatever stretch is shown, at least `apart` pixels from one another.
  const ticks = (axis, low, high, length, apart) => {
    const most = Math.max(2, Math.floor(length / apart));
    if (axis.scale === "log") {
      const base = { "power-of-two": 2, bytes: 4 }[axis.quantity] || 10;
      let powers = [];
      const from = Math.ceil(Math.log(low) / Math.log(base) - 1e-9);
      const to = Math.floor(Math.log(high) / Math.log(base) + 1e-9);
      for (let k = from; k <= to; k++) powers.push(base ** k);
      if (base === 10 && powers.length <= 2 && axis.quantity !== "nines") {
        powers = [];
        for (let k = from - 1; k <= to + 1; k++) {
          for (const f of [1, 2, 5]) powers.push(f * 10 ** k);
        }
        powers = powers.filter((at) => at >= low * 0.999999 && at <= high * 1.000001);
      }
      const stride = Math.max(1, Math.ceil(powers.length / most));
      return powers.filter((_, i) => i % stride === 0);
    }
    const least = (high - low) / most || 1;
    let step;
    if (axis.quantity === "bytes") {
      step = 2 ** Math.ceil(Math.log2(least));
    } else {
      const power = 10 ** Math.floor(Math.log10(least));
      step = power * [1, 2, 5, 10].find((f) => f * power >= least * 0.999999);
    }
    const out = [];
    for (let at = Math.ceil(low / step - 1e-9) * step; at <= high * (1 + 1e-12); at += step) {
      out.push(Math.abs(at) < step * 1e-6 ? 0 : at);
    }
    return out;
  };

  // Strokes from the lower edge to each point.
  const stems = (u, series) => {
    const path = new Path2D();
    const base = u.bbox.top + u.bbox.height;
    const { scale } = u.series[series];
    u.data[series].forEach((y, i) => {
      if (y == null) return;
      const x = u.valToPos(u.data[0][i], "x", true);
      if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
      path.moveTo(x, base);
      path.lineTo(x, u.valToPos(y, scale, true));
    });
    return { stroke: path, flags: 0 };
  };

  const drawMarks = (chart, panel) => (u) => {
    const { ctx, bbox } = u;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, 0, bbox.width, bbox.top + bbox.height);
    ctx.clip();
    ctx.font = `${11 * ratio}px kvrig-inter, sans-serif`;
    ctx.lineWidth = ratio;
    ctx.textBaseline = "bottom";
    ctx.textAlign = "left";
    const rows = [];
    const label = (text, x) => {
      const width = ctx.measureText(text).width + 8 * ratio;
      const from = Math.max(bbox.left, Math.min(x, bbox.left + bbox.width - width));
      let row = rows.findIndex((end) => end <= from);
      if (row < 0) row = rows.push(0) - 1;
      rows[row] = from + width;
      ctx.fillText(text, from + 2 * ratio, bbox.top - (3 + 13 * row) * ratio);
    };
    const shown = (value) => value >= u.scales.x.min && value <= u.scales.x.max;
    for (const mark of panel.marks) {
      if (mark.band) {
        const a = u.valToPos(Math.max(mark.band[0], u.scales.x.min), "x", true);
        ctx.fillStyle = css("--muted");
        if (mark.band[1] >= u.scales.x.min && mark.band[0] <= u.scales.x.max) label(mark.label, a);
      } else if (mark.vertical != null && shown(mark.vertical)) {
        const x = u.valToPos(mark.vertical, "x", true);
        ctx.strokeStyle = ctx.fillStyle = css("--muted");
        ctx.setLineDash([3 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        label(mark.label, x);
      } else if (mark.horizontal != null) {
        const y = u.valToPos(mark.horizontal, "y", true);
        ctx.strokeStyle = css("--limit");
        ctx.setLineDash([5 * ratio, 4 * ratio]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
      }
    }
    ctx.restore();
  };
  const drawBands = (panel) => (u) => {
    for (const mark of panel.marks) {
      if (!mark.band) continue;
      const clamp = (v) => Math.min(Math.max(v, u.scales.x.min), u.scales.x.max);
      const [a, b] = mark.band.map((v) => u.valToPos(clamp(v), "x", true));
      u.ctx.fillStyle = css("--band");
      u.ctx.fillRect(a, u.bbox.top, b - a, u.bbox.height);
    }
  };

  // Filled between two edges, over the grid and behind all lines.
  const BAND_OPACITY = 0.2;
  const fillBands = (panel) => (u) => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.globalAlpha = BAND_OPACITY;
    for (const trace of panel.traces) {
      if (trace.style !== "band") continue;
      // A band of one place has no width of its own.
      const half = trace.x.length === 1 ? 3 * uPlot.pxRatio : 0;
      const corners = (edge, shift) => trace.x.map((x, i) =>
        [u.valToPos(x, "x", true) + shift, u.valToPos(edge[i], "y", true)]);
      const outline = [...corners(trace.y, -half), ...corners(trace.y, half).slice(-1),
        ...corners(trace.lower, half).reverse(), ...corners(trace.lower, -half).slice(0, 1)];
      ctx.fillStyle = colour(trace.group);
      ctx.beginPath();
      outline.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
      ctx.closePath();
      ctx.fill();
    }
    ctx.restore();
  };
  // What a group is at a place: its value, the ends of its band, or both.
  const reading = (chart, panel, trace, x, value) => {
    const say = (n) => format(chart.y.quantity, n);
    const isBand = (other) => other.style === "band" && other.group === trace.group;
    const band = trace.style === "band" ? trace : panel.traces.find(isBand);
    const at = band ? band.x.indexOf(x) : -1;
    const ends = at < 0 ? "" : `${say(band.lower[at])} to ${say(band.y[at])}`;
    if (trace.style !== "band") return ends ? `${say(value)} (${ends})` : say(value);
    const isSaid = panel.traces.some((other) => other.style !== "band"
      && other.style !== "dashed" && other.group === trace.group && other.x.includes(x));
    return isSaid ? "" : ends;
  };

  const widthOf = (host) => Math.max(240, Math.floor(host.clientWidth));

  // Whether a later line would hide most of this one: then it is drawn wider, so that both are seen.
  const covered = (chart, panel, index) => {
    const trace = panel.traces[index];
    const place = (value) => {
      const [low, high] = chart.y.range;
      return chart.y.scale === "log"
        ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    };
    return panel.traces.slice(index + 1).some((later) => later.style === trace.style
      && later.x.length === trace.x.length
      && trace.x.filter((x, i) => x === later.x[i]
        && Math.abs(place(trace.y[i]) - place(later.y[i])) < 0.012).length * 2 > trace.x.length);
  };

  const build = (chart, figure) => {
    const host = figure.querySelector(".plot");
    const readout = figure.querySelector(".readout");
    host.replaceChildren();
    const plots = [];
    const span = chart.x.range;
    for (const panel of chart.panels) {
      const events = panel.marks.filter((mark) => mark.horizontal == null).length;
      if (panel.name) {
        const name = document.createElement("div");
        name.className = "panel-name";
        name.textContent = panel.name;
        host.append(name);
      }
      const tables = panel.traces.map((trace) => [trace.x, trace.y]);
      const joined = tables.length ? uPlot.join(tables) : [[]];
      const width = widthOf(host);
      const height = chart.panels.length === 1 ? 380 : chart.panels.length === 2 ? 264 : 216;
      const axis = (which, side) => ({
        stroke: css("--muted"),
        font: "12px kvrig-inter, sans-serif",
        grid: { stroke: css("--grid"), width: 1 },
        ticks: { stroke: css("--grid"), width: 1, size: 5 },
        splits: (u, _, low, high) => ticks(which, low, high,
          side ? u.bbox.height / uPlot.pxRatio : u.bbox.width / uPlot.pxRatio, side ? 20 : 62),
        values: (_, at) => at.map((value) => format(which.quantity, value)),
        filter: (_, at) => at,
        size: side ? (width < 480 ? 60 : 74) : 34,
      });
      const plot = new uPlot({
        width,
        height,
        padding: [10 + 14 * events, width < 480 ? 24 : 36, 0, 0],
        legend: { show: false },
        scales: {
          x: { time: false, auto: false, distr: chart.x.scale === "log" ? 3 : 1,
               range: (_, low, high) => [low ?? span[0], high ?? span[1]] },
          y: { distr: chart.y.scale === "log" ? 3 : 1, range: () => chart.y.range },
        },
        axes: [axis(chart.x, false), axis(chart.y, true)],
        series: [{}, ...panel.traces.map((trace, index) => ({
          label: chart.groups[trace.group],
          // Bands are filled by `fillBands`; here they make their places readable.
          show: trace.style !== "band",
          stroke: colour(trace.group),
          width: trace.style === "stems" ? 1.25
            : trace.style === "line" && covered(chart, panel, index) ? 6 : 2,
          dash: trace.style === "dashed" ? [7, 5] : undefined,
          spanGaps: true,
          pxAlign: 0,
          paths: trace.style === "stems" ? stems
            : trace.style === "points" ? () => null
            : trace.style === "steps" ? uPlot.paths.stepped({ align: 1 })
            : uPlot.paths.linear(),
          points: {
            show: trace.style === "points" || (trace.style === "stems" && trace.x.length <= 200)
              || (trace.style === "line" && trace.x.length <= 32),
            size: trace.style === "points" ? 8 : 6,
            fill: colour(trace.group),
          },
        }))],
        cursor: {
          sync: { key: chart.name, setSeries: false },
          drag: { x: true, y: false },
          points: { size: 8 },
          bind: { dblclick: () => null },
        },
        hooks: {
          drawClear: [drawBands(panel)],
          drawAxes: [fillBands(panel)],
          draw: [drawMarks(chart, panel)],
          setCursor: [(u) => {
            const { idx } = u.cursor;
            if (idx == null || !u.root.matches(":hover, :focus")) return;
            const parts = [`${chart.x.label}: ${format(chart.x.quantity, u.data[0][idx])}`];
            panel.traces.forEach((trace, i) => {
              const value = u.data[i + 1][idx];
              if (value == null || trace.style === "dashed") return;
              const read = reading(chart, panel, trace, u.data[0][idx], value);
              if (read) parts.push(`${chart.groups[trace.group]}: ${read}`);
            });
            readout.textContent = (panel.name ? `${panel.name} · ` : "") + parts.join(" · ");
          }],
          setScale: [(u, key) => {
            if (key !== "x") return;
            const { min, max } = u.scales.x;
            for (const other of plots) {
              if (other !== u && (other.scales.x.min !== min || other.scales.x.max !== max)) {
                other.setScale("x", { min, max });
              }
            }
          }],
        },
      }, joined, host);
      plot.setScale("x", { min: span[0], max: span[1] });
      plot.root.tabIndex = 0;
      plot.root.setAttribute("role", "img");
      plot.root.setAttribute("aria-label",
        `${chart.alt}${panel.name ? ` Panel ${panel.name}.` : ""} Arrow keys read the points.`);
      plot.root.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step || !plot.data[0].length) return;
        event.preventDefault();
        const next = (plot.cursor.idx ?? (step > 0 ? -1 : plot.data[0].length)) + step;
        const at = Math.min(Math.max(next, 0), plot.data[0].length - 1);
        plot.setCursor({ left: plot.valToPos(plot.data[0][at], "x"), top: 10 });
      });
      plots.push(plot);
    }
    const reset = () => plots.forEach((plot) =>
      plot.setScale("x", { min: span[0], max: span[1] }));
    figure.querySelector(".reset").onclick = reset;
    host.ondblclick = reset;
    figure.querySelectorAll(".legend i").forEach((swatch) => {
      if (swatch.dataset.group) swatch.style.borderColor = colour(+swatch.dataset.group);
    });
    return plots;
  };

  // The points behind a chart, as text for a file and as a table for reading.
  const records = (chart) => {
    const out = [];
    for (const panel of chart.panels) {
      for (const trace of panel.traces) {
        trace.x.forEach((x, i) => {
          const at = chart.categories.length ? chart.categories[x] : x;
          const group = chart.groups[trace.group];
          if (trace.style === "band") {
            out.push([panel.name, `${group}, lower edge`, at, trace.lower[i]]);
            out.push([panel.name, `${group}, upper edge`, at, trace.y[i]]);
          } else {
            out.push([panel.name, group, at, trace.y[i]]);
          }
        });
      }
    }
    return out;
  };
  const heads = (chart) => ["panel", "group", chart.x.label, chart.y.label];
  const field = (value) => {
    const text = String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const TABLE_ROWS_MAX = 500;

  const built = [];
  for (const chart of data) {
    const figure = document.getElementById(`chart-${chart.name}`);
    if (chart.interactive) built.push([chart, figure, build(chart, figure)]);
    figure.querySelector(".csv").onclick = () => {
      const text = [heads(chart), ...records(chart)]
        .map((record) => record.map(field).join(",")).join("\n") + "\n";
      const link = document.createElement("a");
      link.href = "data:text/csv;charset=utf-8," + encodeURIComponent(text);
      link.download = `${chart.name}.csv`;
      link.click();
    };
    const details = figure.querySelector("details");
    details.addEventListener("toggle", () => {
      const table = details.querySelector("table");
      if (!details.open || table.rows.length) return;
      const all = records(chart);
      const add = (cells, tag) => {
        const row = table.insertRow();
        cells.forEach((text, i) => {
          const cell = document.createElement(tag);
          if (i > 1) cell.className = "n";
          cell.textContent = text;
          row.append(cell);
        });
      };
      add(heads(chart), "th");
      for (const [panel, group, x, y] of all.slice(0, TABLE_ROWS_MAX)) {
        const at = chart.categories.length ? x : format(chart.x.quantity, x);
        add([panel, group, at, format(chart.y.quantity, y)], "td");
      }
      if (all.length > TABLE_ROWS_MAX) {
        add([`The first ${TABLE_ROWS_MAX} of ${all.length} points; the CSV file has all.`], "td");
        table.rows[table.rows.length - 1].cells[0].colSpan = 4;
      }
    });
  }

  const rebuild = () => {
    for (const entry of built) {
      entry[2].forEach((plot) => plot.destroy());
      entry[2] = build(entry[0], entry[1]);
    }
  };
  const sized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const entry = built.find(([, figure]) => figure.contains(target));
      const width = widthOf(target);
      entry[2].forEach((plot) => {
        if (plot.width !== width) plot.setSize({ width, height: plot.height });
      });
    }
  });
  built.forEach(([, figure]) => sized.observe(figure.querySelector(".plot")));
  dark.addEventListener("change", rebuild);
  // Canvas text is drawn before the typeface is decoded; draw once more when it is there.
  document.fonts.ready.then(rebuild);

  const search = document.getElementById("filter");
  if (search) {
    const rows = [...document.querySelectorAll("#rows tbody tr")];
    const count = document.getElementById("filter-count");
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = `${shown} of ${rows.length} rows`;
    });
  }
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    target.closest("details")?.setAttribute("open", "");
    target.hidden = false;
    document.querySelectorAll(".target").forEach((row) => row.classList.remove("target"));
    target.classList.add("target");
    target.scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", reveal);
  reveal();
  root.dataset.ready = "yes";
})();
